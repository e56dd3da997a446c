"""Requantization in two instructions: SMMLA and SSAT, proved against LiteRT over a channel's whole accumulator range.

LiteRT maps an accumulator to an int8 output by a non-decreasing step function. It is known completely by its
thresholds: `first(v)`, the smallest accumulator whose output is at least v. The device computes

    out = saturate8((offset + ((acc + nudge) * factor >> word_bits)) >> shift)

another step function, whose thresholds are the points of a line. Both agree on every reachable accumulator exactly
when the line passes between `first(v) - 1` and `first(v)` for every v in reach, a pair of inequalities per v that are
linear in N = offset * 2^word_bits + nudge * factor. `solve` finds factor, offset and nudge that satisfy all of them, or
says that it found none. Nothing is sampled.

    word_bits is 32 where SMMLA multiplies the accumulator itself, 24 where it multiplies 256 times the accumulator.
    `nudge` is added to the channel's bias, so it costs no instruction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]

_FIRST, _LAST = -128, 127  # what the saturating instruction gives by itself
_FAR = np.int64(1) << 62  # stands for an absent bound
_ASIDE = np.int64(1) << 34
_FACTOR_TRIES = 6  # neighbours of the ideal factor, each side
_OFFSET_TRIES = (64, 2048)  # offsets looked at: first quickly for all channels, then thoroughly for those left


@dataclass(frozen=True, eq=False)
class Scaling:
    """How LiteRT requantizes the channels of one layer.

    Attributes:
        multiplier: (channels,) Q0.31, 2^30 <= m < 2^31, or 0.
        shift: (channels,) power of two; positive shifts left.
        zero_point: of the output.
        low, high: the activation's clamp, as int8 values.
        rounds_twice: after the high multiplication and again after the shift (convolutions), or only once
            (FULLY_CONNECTED).
    """

    multiplier: Int64s
    shift: Int64s
    zero_point: int
    low: int
    high: int
    rounds_twice: bool

    def of(self, channels: slice) -> Scaling:
        """The same for some channels."""
        return replace(self, multiplier=self.multiplier[channels], shift=self.shift[channels])

    def __call__(self, acc: Int64s) -> Int64s:
        """LiteRT's output for accumulators `acc` (channels, n), as int64 (channels, n)."""
        left = np.maximum(self.shift, 0)[:, None]
        right = np.maximum(-self.shift, 0)[:, None]
        product = (acc << left) * self.multiplier[:, None]
        if self.rounds_twice:
            high = (product + (1 << 30)) >> 31
            half = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
            scaled = (high + half - ((high < 0) & (right > 0))) >> right
        else:
            total = 31 + right
            scaled = (product + (np.int64(1) << (total - 1))) >> total
        return np.asarray(np.clip(scaled + self.zero_point, self.low, self.high), np.int64)


@dataclass(frozen=True, eq=False)
class Steps:
    """Per channel and output value v = -127..127: the `first` accumulator that gives v or more, (channels, 255).

    acc_min where all reachable ones do, acc_max + 1 where none does.
    """

    first: Int64s
    acc_min: Int64s
    acc_max: Int64s


@dataclass(frozen=True, eq=False)
class TwoInstruction:
    """Constants of the device's formula, all (channels,); meaningful where `found`."""

    factor: Int64s
    offset: Int64s
    nudge: Int64s
    found: Bools


def steps(scaling: Scaling, acc_min: Int64s, acc_max: Int64s) -> Steps:
    """Where LiteRT's output changes, for accumulators acc_min <= acc <= acc_max (channels,)."""
    values = np.arange(_FIRST + 1, _LAST + 1, dtype=np.int64)[None, :]
    real = scaling.multiplier * np.exp2(scaling.shift - 31.0)
    guess = (values - scaling.zero_point - 0.5) / np.maximum(real, 1e-30)[:, None]
    lowest, highest = acc_min[:, None], acc_max[:, None] + 1
    first = np.clip(np.ceil(guess), lowest, highest).astype(np.int64)
    # Rounding twice moves a threshold by less than 2 / real-of-one-unit; walk the guess to the exact place.
    for _ in range(64):
        down = (first > lowest) & (scaling(np.maximum(first - 1, lowest)) >= values)
        up = (first < highest) & (scaling(np.minimum(first, highest - 1)) < values)
        if not (down.any() or up.any()):
            break
        first = first - down + up
    else:
        raise AssertionError("LiteRT's requantization is not the step function it should be")
    return Steps(first, acc_min, acc_max)


def solve(scaling: Scaling, known: Steps, word_bits: int, shift: int) -> TwoInstruction:
    """Search the device's constants for every channel, given the layer's common final shift.

    Args:
        scaling: what has to be reproduced.
        known: `steps(scaling, ...)` over the reachable accumulators.
        word_bits: 32 or 24, see the module's text.
        shift: of the saturating instruction, 0..31.
    """
    channels = len(scaling.multiplier)
    zeros = np.zeros((3, channels), np.int64)
    answer = TwoInstruction(zeros[0], zeros[1], zeros[2], np.zeros(channels, np.bool_))
    ideal = np.round(scaling.multiplier * np.exp2(scaling.shift + (shift + word_bits - 31.0))).astype(np.int64)
    for distance in sorted(range(-_FACTOR_TRIES, _FACTOR_TRIES + 1), key=abs):
        rows = np.flatnonzero(~answer.found)
        factor = np.maximum(ideal[rows] + distance, 1)
        room = _room(known, rows, factor, word_bits, shift)
        feasible = (room.at_least < room.below) & (factor < 1 << 31)
        for tries in _OFFSET_TRIES:
            left = np.flatnonzero(feasible & ~answer.found[rows])
            if len(left):
                _search(answer, known, rows[left], factor[left], room.of(left), word_bits, tries)
    return answer


@dataclass(frozen=True, eq=False)
class _Room:
    """What N = offset * 2^word_bits + nudge * factor must satisfy: at_least <= N < below, (rows,)."""

    at_least: Int64s
    below: Int64s

    def of(self, rows: NDArray[np.intp]) -> _Room:
        return _Room(self.at_least[rows], self.below[rows])


def _room(known: Steps, rows: NDArray[np.intp], factor: Int64s, word_bits: int, shift: int) -> _Room:
    """`(acc + nudge) * factor >= v * 2^(shift + word_bits) - offset * 2^word_bits` must hold at first(v), fail below.

    Where the output is v or more from the lowest accumulator on, it need not fail; where it never is, it need not hold.
    """
    values = np.arange(_FIRST + 1, _LAST + 1, dtype=np.int64)[None, :] << (shift + word_bits)
    first = known.first[rows]
    holds = first <= known.acc_max[rows][:, None]
    fails = first > known.acc_min[rows][:, None]
    at_least = np.where(holds, values - first * factor[:, None], -_FAR).max(axis=1)
    below = np.where(fails, values - (first - 1) * factor[:, None], _FAR).min(axis=1)
    # A bound that is absent is put a little away from the other, so that N stays small.
    return _Room(
        np.where(at_least == -_FAR, np.where(below == _FAR, 0, below - _ASIDE), at_least),
        np.where(below == _FAR, np.where(at_least == -_FAR, _ASIDE, at_least + _ASIDE), below),
    )


def _search(
    answer: TwoInstruction,
    known: Steps,
    rows: NDArray[np.intp],
    factor: Int64s,
    room: _Room,
    word_bits: int,
    tries: int,
) -> None:
    """Writes into `answer` the offset and the smallest nudge that put N in its room, for the rows that have one."""
    centre = (room.below - 1) >> word_bits
    offsets = centre[:, None] - np.arange(-(tries // 4), tries - tries // 4)[None, :]
    nudges = (room.below[:, None] - 1 - (offsets << word_bits)) // factor[:, None]
    good = (offsets << word_bits) + nudges * factor[:, None] >= room.at_least[:, None]
    good &= np.abs(offsets) < 1 << 31
    for end in (known.acc_min[rows], known.acc_max[rows]):
        moved = end[:, None] + nudges
        good &= np.abs(moved) < 1 << (word_bits - 1)
        good &= np.abs(offsets + ((moved * factor[:, None]) >> word_bits)) < 1 << 31
    best = np.where(good, np.abs(nudges), _FAR).argmin(axis=1)
    pick = np.arange(len(rows)), best
    won = good[pick]
    answer.factor[rows[won]] = factor[won]
    answer.offset[rows[won]] = offsets[pick][won]
    answer.nudge[rows[won]] = nudges[pick][won]
    answer.found[rows[won]] = True
