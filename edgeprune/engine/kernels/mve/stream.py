"""The words `firmware/include/mve/tile.h` reads for a layer: biases, weights, requantization, four channels at a time.

Every precondition of the tile is decided here, from the exact range each accumulator can reach. A layer that breaks
one gets no stream and falls back to another kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.base import Constant
from edgeprune.engine.kernels.scaling import Int64s, Scaling, accumulator_range

_GROUP = 4
_LANES = 16
_WORDS_BESIDE = 3  # bias, multiplier and shift of a channel


@dataclass(frozen=True)
class Rows:
    """A layer as the tile sees it: `channels` rows of `taps` int8 weights."""

    channels: int
    taps: int

    @property
    def column_bytes(self) -> int:
        """Scratch for one pixel's inputs."""
        return -(-self.taps // _LANES) * _LANES

    @property
    def words(self) -> int:
        single = _WORDS_BESIDE + -(-self.taps // 4)
        return self.channels // _GROUP * _GROUP * _WORDS_BESIDE + (
            self.channels // _GROUP * self.taps + self.channels % _GROUP * single
        )

    def features(self, tiles: int, pixels: int) -> dict[str, int]:
        """What the tile does over `pixels` columns, a few a time, for the latency model."""
        groups, singles = self.channels // _GROUP, self.channels % _GROUP
        return {
            "tiles": tiles,
            "tile_groups": tiles * groups,
            "group_steps": tiles * groups * (self.taps // _LANES),
            "group_tails": tiles * groups * (self.taps % _LANES > 0),
            "singles": pixels * singles,
            "single_steps": pixels * singles * -(-self.taps // _LANES),
        }

    def constant(self, words: NDArray[np.int32] | None) -> Constant:
        """The stream in flash; multipliers and shifts count as the engine's."""
        return Constant(
            "stream", "int32_t", self.words, 4, table_bytes=8 * self.channels,
            values=None if words is None else (lambda: words),
        )  # fmt: skip


def provable(weights: Int64s, bias: Int64s, scaling: Scaling) -> bool:
    """Whether the vector instructions requantize every reachable sum as LiteRT does."""
    low, high = accumulator_range(weights, bias)
    in_range = max(-int(low.min()), int(high.max())) < 1 << 30
    return in_range and bool((scaling.shift <= -1).all() and (scaling.shift >= -30).all())


def saturates(scaling: Scaling) -> bool:
    """Whether int8's own limits are the activation's, and values below the zero point give the same output."""
    return (scaling.zero_point, scaling.low, scaling.high) == (-128, -128, 127)


def make_stream(weights: Int64s, bias: Int64s, scaling: Scaling) -> NDArray[np.int32] | None:
    """Lay out a layer's channels, or None where a bound does not hold.

    Args:
        weights: (channels, taps) in the order of a column's inputs.
        bias: (channels,) with the input's zero point folded in.
        scaling: LiteRT's requantization of the layer.
    """
    if not provable(weights, bias, scaling):
        return None
    channels, taps = weights.shape
    grouped = channels // _GROUP * _GROUP
    whole = taps // _LANES * _LANES
    parts = [np.zeros(0, np.uint8)]
    for first in range(0, grouped, _GROUP):
        rows = slice(first, first + _GROUP)
        steps = weights[rows, :whole].reshape(_GROUP, -1, _LANES)
        parts += [
            _words(bias[rows]), _bytes(np.swapaxes(steps, 0, 1)), _bytes(weights[rows, whole:]),
            _words(scaling.multiplier[rows]), _words(scaling.shift[rows]),
        ]  # fmt: skip
    for channel in range(grouped, channels):
        beside = np.array([bias[channel], scaling.multiplier[channel], scaling.shift[channel]])
        parts += [_words(beside), _bytes(np.pad(weights[channel], (0, -taps % 4)))]
    return np.concatenate(parts).view(np.int32)


def _words(values: Int64s) -> NDArray[np.uint8]:
    return values.astype("<i4").view(np.uint8)


def _bytes(values: Int64s) -> NDArray[np.uint8]:
    return values.astype(np.int8).reshape(-1).view(np.uint8)
