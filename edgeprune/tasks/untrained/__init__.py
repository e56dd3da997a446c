"""What limits come to before any training."""
