"""What must shrink together: channel groups of a traced network."""
