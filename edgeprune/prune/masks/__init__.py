"""Masks of single weights, which are zeroed and not removed: one file per granularity; `masking.py` is shared."""
