"""What commands print with: results as tables or JSON, notes on stderr, failures with their exit codes."""
