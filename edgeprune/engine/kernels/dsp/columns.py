"""The columns and the tile that all convolutions share (`firmware/include/dsp/columns.h`, `dsp/tile.h`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Shared
from edgeprune.engine.kernels.dsp.code_size import tile_exact_bytes, tile_two_bytes
from edgeprune.engine.kernels.dsp.unroll import Unroll, unroll, unroll_within
from edgeprune.engine.kernels.scaling import Int64s

PIXELS = 3
STEP_BYTES = 24  # 4 inputs of 3 pixels, int16
MOST_STEPS = 0xFFFF // STEP_BYTES
MOST_PIXEL_BYTES = 2047  # 12 bits hold the offset of the third pixel's last channel


@dataclass(frozen=True)
class Columns:
    """A window of `rows` kernel rows of `row_bytes` each, as the columns lay it out."""

    rows: int
    row_bytes: int

    @property
    def tail_bytes(self) -> int:
        """What is left of a kernel row behind whole words, where all rows' tails make one word."""
        rest = self.row_bytes % 4
        return rest if self.row_bytes > 4 and 1 < self.rows <= 4 // max(1, rest) else 0

    @property
    def segment_bytes(self) -> int:
        """Of a kernel row, without its tail."""
        return self.row_bytes - self.tail_bytes

    @property
    def filled_bytes(self) -> int:
        """Of a segment, filled up to whole words."""
        return -(-self.segment_bytes // 4) * 4

    @property
    def steps(self) -> int:
        return self.rows * self.filled_bytes // 4 + (self.tail_bytes > 0)

    @property
    def size_bytes(self) -> int:
        return STEP_BYTES * self.steps

    def laid_out(self, weights: Int64s) -> Int64s:
        """(channels, rows * row_bytes) -> (channels, 4 * steps), zeros where nothing is read."""
        channels, whole = len(weights), self.rows * self.filled_bytes
        out = np.zeros((channels, 4 * self.steps), np.int64)
        by_row = weights.reshape(channels, self.rows, self.row_bytes)
        filled = out[:, :whole].reshape(channels, self.rows, self.filled_bytes)
        filled[:, :, : self.segment_bytes] = by_row[:, :, : self.segment_bytes]
        tails = by_row[:, :, self.segment_bytes :].reshape(channels, -1)
        out[:, whole : whole + tails.shape[1]] = tails
        return out


@dataclass(frozen=True)
class Tile:
    """The name of a specialised tile, and its text."""

    name: str
    shared: Shared


@cache
def make_tile(
    channels: int, pixel_bytes: int, steps: int, shift: int | None, limits: tuple[int, int], optimize: Optimize
) -> Tile:
    """The tile of `channels` outputs, pixels `pixel_bytes` apart.

    Args:
        shift: of the two-instruction way; None for the exact one, which clamps to `limits`.
    """
    low, high = limits
    is_odd = channels % 2 == 1
    if shift is not None:
        name, ends = f"ep_tile_two_{channels}_{pixel_bytes}_{shift}_{steps}", f"{shift}, {shift + 8}"
    else:
        name = f"ep_tile_exact_{channels}_{pixel_bytes}_{low}_{high}_{steps}".replace("-", "m")
        ends = f"{low}, {high}"

    def code_bytes(rolled: Unroll) -> int:
        return tile_exact_bytes(rolled, low, high, is_odd) if shift is None else tile_two_bytes(rolled, is_odd)

    def function(rolled: Unroll) -> Shared:
        rounds = f"{rolled.head}, {rolled.loops}, {rolled.chunk}"
        macro = "EP_TILE_EXACT" if shift is None else "EP_TILE_TWO"
        text = f"{macro}({name}, {channels}, {pixel_bytes}, {ends}, {rounds})\n"
        family = "" if shift is None else f"ep_tile_two_{channels}_{pixel_bytes}_{steps}_{rounds}"
        return Shared(text, code_bytes(rolled), family, within)

    def within(most_bytes: int) -> Shared:
        return function(unroll_within(steps, optimize, code_bytes, most_bytes))

    return Tile(name, function(unroll(steps, optimize)))
