"""Integers packed into the 32-bit words kernels read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.scaling import Int64s

Words = NDArray[np.uint32]


def bytes_to_words(weights: Int64s) -> Int64s:
    """(channels, 4 * steps) -> (channels, steps): four weights a word, the first one lowest."""
    quads = weights.reshape(len(weights), weights.shape[1] // 4, 4) & 0xFF
    return np.asarray(quads @ (np.int64(1) << np.arange(0, 32, 8)), np.int64)


def as_words(values: Int64s) -> Words:
    """Two's complement, as the C arrays hold them."""
    return np.asarray(values & 0xFFFFFFFF, np.uint32)
