"""Backtests on bars, event by event: strategies, indicators, a simulated broker and what is recorded of them."""
