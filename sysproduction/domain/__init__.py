"""What is true of instruments, contracts, prices, rolls and processes: values and pure functions, no I/O."""
