"""Orders: the only door to the broker."""
