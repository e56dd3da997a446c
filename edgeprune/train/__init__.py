"""Data, splits, objectives, the training loop."""
