"""The common shape of several tensors, as NumPy and TFLite broadcast them."""

from __future__ import annotations

import numpy as np


def broadcast_shape(*shapes: tuple[int, ...]) -> tuple[int, ...] | None:
    """None where there is none."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None
