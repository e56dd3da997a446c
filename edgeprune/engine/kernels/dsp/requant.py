"""Requantization in two instructions: SMMLA and SSAT, proved against LiteRT over a channel's whole accumulator range.

LiteRT maps an accumulator to an int8 output by a non-decreasing step function. It is known completely by its
thresholds: `first(v)`, the smallest accumulator whose output is at least v. The device holds a word

    word = multiple * acc + unit * nudge

and computes

    out = saturate8((offset + (word * factor >> 32)) >> shift)

another step function, whose thresholds are the points of a line. Both agree on every reachable accumulator exactly
when the line passes between `first(v) - 1` and `first(v)` for every v in reach, a pair of inequalities per v that are
linear in N = offset * 2^32 + unit * nudge * factor. `solve` finds factor, offset and nudge that satisfy all of them, or
reports that there is none. Nothing is sampled.

LiteRT rounds halves away from zero, so below zero its thresholds lie on another line, in parallel. `solve_signed` finds
a second offset for negative words. With a ReLU that ends at zero there is no below, and one offset does.

`nudge` is added to the channel's bias, so it costs no instruction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.scaling import Int64s, Scaling

Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]

_FIRST, _LAST = -128, 127  # what the saturating instruction gives by itself
_FAR = np.int64(1) << 62  # stands for an absent bound
_ASIDE = np.int64(1) << 40
_FACTOR_END = 1 << 31  # factors are int32
_FACTOR_TRIES = 6  # neighbours of the ideal factor, each side
_OFFSET_TRIES = (64, 2048)  # offsets looked at: first quickly for all channels, then thoroughly for those left
_NUDGE_TRIES = (256, 8192)  # likewise, where two offsets have to fit one nudge


@dataclass(frozen=True, eq=False)
class Steps:
    """Per channel and output value v = -127..127: the `first` accumulator that gives v or more, (channels, 255).

    acc_min where all reachable ones do, acc_max + 1 where none does.
    """

    first: Int64s
    acc_min: Int64s
    acc_max: Int64s

    def within(self, low: Int64s, high: Int64s) -> Steps:
        """The same function on fewer accumulators; a channel may be left with none (high < low)."""
        first = np.clip(self.first, low[:, None], np.maximum(high + 1, low)[:, None])
        return Steps(first, low, high)


@dataclass(frozen=True)
class Word:
    """The device's word: `multiple * acc + unit * nudge`."""

    multiple: int = 1
    unit: int = 1


@dataclass(frozen=True, eq=False)
class Solution:
    """Constants of the device's formula, all (channels,); meaningful where `solved`.

    `offset` is for words from 0 on, `negative_offset` for those below.
    """

    factor: Int64s
    offset: Int64s
    negative_offset: Int64s
    nudge: Int64s
    solved: Bools


def steps(scaling: Scaling, acc_min: Int64s, acc_max: Int64s) -> Steps:
    """Where LiteRT's output changes, for accumulators acc_min <= acc <= acc_max (channels,)."""
    values = np.arange(_FIRST + 1, _LAST + 1, dtype=np.int64)[None, :]
    real = scaling.multiplier * np.exp2(scaling.shift - 31.0)
    guess = (values - scaling.zero_point - 0.5) / np.maximum(real, 1e-30)[:, None]
    lowest, highest = acc_min[:, None], acc_max[:, None] + 1
    first = np.clip(np.ceil(guess), lowest, highest).astype(np.int64)
    # Rounding twice moves a threshold by a few accumulators; walk the guess to the exact place.
    for _ in range(64):
        down = (first > lowest) & (scaling(np.maximum(first - 1, lowest)) >= values)
        up = (first < highest) & (scaling(np.minimum(first, highest - 1)) < values)
        if not (down.any() or up.any()):
            break
        first = first - down + up
    else:
        raise AssertionError("LiteRT's requantization is not the step function it should be")
    return Steps(first, acc_min, acc_max)


def solve(scaling: Scaling, known: Steps, word: Word, shift: int) -> Solution:
    """One offset for all words.

    Args:
        scaling: what has to be reproduced.
        known: `steps(scaling, ...)` over the reachable accumulators.
        word: what the device holds.
        shift: of the saturating instruction, common to the layer, 0..31.
    """

    def search(solution: Solution, rows: Rows, factor: Int64s) -> None:
        room = _room(known, rows, factor, word, shift)
        feasible = (room.at_least < room.below) & (factor < _FACTOR_END)
        for tries in _OFFSET_TRIES:
            left = np.flatnonzero(feasible & ~solution.solved[rows])
            if len(left):
                _search_offset(_Search(known, word, solution), rows[left], factor[left], room.of(left), tries)

    return _near_the_ideal_factor(scaling, word, shift, search)


def solve_signed(scaling: Scaling, known: Steps, word: Word, shift: int) -> Solution:
    """A second offset for negative words; arguments as for `solve`."""
    below_zero, zero = known.first <= 0, np.zeros(len(known.first), np.int64)
    # Between these two thresholds the output is the same, so there the word may change its sign.
    last = np.maximum(np.where(below_zero, known.first, -_FAR).max(axis=1), known.acc_min)
    next_ = np.minimum(np.where(below_zero, _FAR, known.first).min(axis=1), known.acc_max + 1)
    negative = known.within(known.acc_min, np.maximum(next_ - 1, known.acc_min))
    positive = known.within(np.minimum(last, known.acc_max), known.acc_max)

    def search(solution: Solution, rows: Rows, factor: Int64s) -> None:
        rooms = [_room(side, rows, factor, word, shift) for side in (positive, negative)]
        feasible = (factor < _FACTOR_END) & (last <= zero)[rows] & (next_ >= zero)[rows]
        for room in rooms:
            feasible &= room.at_least < room.below
        for tries in _NUDGE_TRIES:
            left = np.flatnonzero(feasible & ~solution.solved[rows])
            if len(left):
                gap = _Room(last[rows[left]], next_[rows[left]])
                sides = [room.of(left) for room in rooms]
                _search_two_offsets(_Search(known, word, solution), rows[left], factor[left], sides, gap, tries)

    return _near_the_ideal_factor(scaling, word, shift, search)


def _near_the_ideal_factor(
    scaling: Scaling, word: Word, shift: int, search: Callable[[Solution, Rows, Int64s], None]
) -> Solution:
    """Calls `search` for channels not yet solved, for one factor after the other."""
    channels = len(scaling.multiplier)
    zeros = np.zeros((4, channels), np.int64)
    solution = Solution(zeros[0], zeros[1], zeros[2], zeros[3], np.zeros(channels, np.bool_))
    real = scaling.multiplier * np.exp2(scaling.shift - 31.0)
    ideal = np.minimum(np.round(real * 2.0 ** (shift + 32) / word.multiple), _FACTOR_END).astype(np.int64)
    for distance in sorted(range(-_FACTOR_TRIES, _FACTOR_TRIES + 1), key=abs):
        rows = np.flatnonzero(~solution.solved)
        if len(rows):
            search(solution, rows, np.maximum(ideal[rows] + distance, 1))
    return solution


@dataclass(frozen=True, eq=False)
class _Room:
    """An interval for each row: at_least <= x < below."""

    at_least: Int64s
    below: Int64s

    def of(self, rows: Rows) -> _Room:
        return _Room(self.at_least[rows], self.below[rows])


def _room(known: Steps, rows: Rows, factor: Int64s, word: Word, shift: int) -> _Room:
    """Where N may lie: `multiple * acc * factor + N >= v * 2^(shift + 32)` must hold at first(v) and fail below.

    Where the output is v or more from the lowest accumulator on, it need not fail; where it never is, it need not hold.
    """
    values = np.arange(_FIRST + 1, _LAST + 1, dtype=np.int64)[None, :] << (shift + 32)
    first = known.first[rows]
    step = (factor * word.multiple)[:, None]
    holds = first <= known.acc_max[rows][:, None]
    fails = first > known.acc_min[rows][:, None]
    at_least = np.where(holds, values - first * step, -_FAR).max(axis=1)
    below = np.where(fails, values - (first - 1) * step, _FAR).min(axis=1)
    # A bound that is absent is put a little away from the other, so that N stays small.
    return _Room(
        np.where(at_least == -_FAR, np.where(below == _FAR, 0, below - _ASIDE), at_least),
        np.where(below == _FAR, np.where(at_least == -_FAR, _ASIDE, at_least + _ASIDE), below),
    )


@dataclass(frozen=True, eq=False)
class _Search:
    """What has to be reproduced by which word, and where constants that do are written."""

    known: Steps
    word: Word
    solution: Solution


def _search_offset(search: _Search, rows: Rows, factor: Int64s, room: _Room, tries: int) -> None:
    """Writes the offset and the smallest nudge that put N in its room, for the rows that have one."""
    word = search.word
    centre = (room.below - 1) >> 32
    offsets = centre[:, None] - np.arange(-(tries // 4), tries - tries // 4)[None, :]
    step = (factor * word.unit)[:, None]
    nudges = (room.below[:, None] - 1 - (offsets << 32)) // step
    good = (offsets << 32) + nudges * step >= room.at_least[:, None]
    good &= _fits(search, rows, factor, offsets, nudges)
    best = np.where(good, np.abs(nudges), _FAR).argmin(axis=1)
    pick = np.arange(len(rows)), best
    _write(search.solution, rows, good[pick], factor, offsets[pick], offsets[pick], nudges[pick])


def _search_two_offsets(
    search: _Search, rows: Rows, factor: Int64s, sides: Sequence[_Room], gap: _Room, tries: int
) -> None:
    """The same with one offset for each side; `gap` is where the word may change its sign, ends included."""
    word = search.word
    nudges = np.array(sorted(range(-tries // 2, tries // 2), key=abs), np.int64)[None, :]
    moved = nudges * (factor * word.unit)[:, None]
    change = -((word.unit * nudges) // word.multiple)  # the smallest accumulator with a word of 0 or more
    good = (gap.at_least[:, None] <= change) & (change <= gap.below[:, None])
    offsets = []
    for room in sides:
        offset = -((moved - room.at_least[:, None]) >> 32)  # the smallest that reaches the room
        good &= (offset << 32) + moved < room.below[:, None]
        good &= _fits(search, rows, factor, offset, nudges)
        offsets.append(offset)
    pick = np.arange(len(rows)), good.argmax(axis=1)
    _write(search.solution, rows, good[pick], factor, offsets[0][pick], offsets[1][pick], nudges[0][pick[1]])


def _fits(search: _Search, rows: Rows, factor: Int64s, offsets: Int64s, nudges: Int64s) -> Bools:
    """Neither the word nor the sum before the final shift leaves int32."""
    known, word = search.known, search.word
    limit = np.int64(1) << 31
    good = np.abs(offsets) < limit
    for end in (known.acc_min[rows], known.acc_max[rows]):
        reached = word.multiple * end[:, None] + word.unit * nudges
        good &= np.abs(reached) < limit
        good &= np.abs(offsets + ((reached * factor[:, None]) >> 32)) < limit
    return np.asarray(good, np.bool_)


def _write(
    solution: Solution, rows: Rows, won: Bools, factor: Int64s, offset: Int64s, negative_offset: Int64s, nudge: Int64s
) -> None:
    chosen = rows[won]
    solution.factor[chosen] = factor[won]
    solution.offset[chosen] = offset[won]
    solution.negative_offset[chosen] = negative_offset[won]
    solution.nudge[chosen] = nudge[won]
    solution.solved[chosen] = True
