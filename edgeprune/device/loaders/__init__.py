"""Ways to write a board's flash."""
