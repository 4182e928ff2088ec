"""Strategies: systems run on stored prices, and what follows from what they want."""
