"""The run_* processes: one module each, whose public functions are the methods that YAML names."""
