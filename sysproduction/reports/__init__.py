"""Facts made into pages and pictures."""
