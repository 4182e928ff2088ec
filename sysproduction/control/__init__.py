"""What an operator may do and see: one service layer for the CLI, the shell and the web."""
