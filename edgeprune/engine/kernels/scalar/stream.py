"""What the scalar kernels read for a layer: per channel its bias, its requantization and its weights as bytes + 128."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.base import Constant
from edgeprune.engine.kernels.scaling import Int64s, Scaling, accumulator_range
from edgeprune.engine.kernels.words import as_words, bytes_to_words

Words = NDArray[np.uint32]

LANE_LIMIT = 1 << 22  # what half of a 23-bit lane holds
_SCALE_WORDS = 3
_MOST_EXPONENT = 22  # the zero point times 2^e stays inside int32
_RAISE = 128


def scale_words(scaling: Scaling) -> Int64s | None:
    """(channels, 3) multiplier, offset, exponent (scalar/arith.h); None where LiteRT shifts left or very far right."""
    exponent = -scaling.shift
    if (exponent < 1).any() or (exponent > _MOST_EXPONENT).any() or (scaling.multiplier < 0).any():
        return None
    offset = (np.int64(scaling.zero_point) << exponent) + (np.int64(1) << (exponent - 1))
    return np.stack([scaling.multiplier, offset, exponent], axis=1)


def channel_words(weights: Int64s, bias: Int64s, scaling: Scaling, limit: int) -> Words | None:
    """(channels, 4 + steps) words of all channels, or None where an accumulator or a factor has no place.

    Args:
        weights: (channels, taps).
        bias: (channels,) with the input's zero point folded in.
        scaling: LiteRT's requantization of the layer.
        limit: |acc| stays below it.
    """
    scale = scale_words(scaling)
    low, high = accumulator_range(weights, bias)
    if scale is None or max(-low.min(initial=0), high.max(initial=0)) >= limit:
        return None
    padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % 4))) + _RAISE
    return as_words(np.concatenate([bias[:, None], bytes_to_words(padded), scale], axis=1))


def stream_constant(channels: int, taps: int, words: Words | None, role: str = "stream") -> Constant:
    """`words` of `channel_words`, or their place in flash where there are no values yet."""
    steps = -(-taps // 4)
    values: Callable[[], np.ndarray] | None = None if words is None else (lambda: words.reshape(-1))
    return Constant(
        role, "uint32_t", channels * (1 + _SCALE_WORDS + steps), 4, values=values,
        table_bytes=4 * _SCALE_WORDS * channels,
    )  # fmt: skip
