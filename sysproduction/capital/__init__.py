"""Capital: measured from the account at the broker, compounded, and split between strategies."""
