"""Settings and processes from YAML, environment and options: checked as a whole, errors with file and line."""
