"""What keeps an installation safe and small: backups, restores, cleaners."""
