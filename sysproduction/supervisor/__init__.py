"""When processes run: planning, running methods, starting, watching and restarting; imports no pandas."""
