"""A board of your own: `my-board.toml` says what it is, `board.c` starts it. None of this package's Python runs."""
