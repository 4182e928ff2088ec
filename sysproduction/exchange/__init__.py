"""The matching core: orders and quotes in, executions out; pure, so that paper, simulation and backtests share it."""
