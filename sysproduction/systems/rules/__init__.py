"""Trading rules: each an ordinary function from panels to a panel of raw forecasts."""
