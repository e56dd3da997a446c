"""Weights that are masked, not removed: one file a granularity. `masking.py` holds what they share."""
