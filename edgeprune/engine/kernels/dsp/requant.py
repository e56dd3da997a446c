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
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.scaling import Int64s, Scaling

Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]

_VALUES = np.arange(-127, 128, dtype=np.int64)  # the saturating instruction gives -128 by itself
_FAR = np.int64(1) << 62  # stands for an absent bound
_ASIDE = np.int64(1) << 40
_FACTOR_END = 1 << 31  # factors are int32
_DISTANCES = np.array(sorted(range(-6, 7), key=abs))  # neighbours of the ideal factor
_AT_ONCE = 256  # channels
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

    @cached_property
    def holds(self) -> Bools:
        """(channels, 255) whether a reachable accumulator gives v or more."""
        return np.asarray(self.first <= self.acc_max[:, None])

    @cached_property
    def fails(self) -> Bools:
        """(channels, 255) whether a reachable accumulator gives less than v."""
        return np.asarray(self.first > self.acc_min[:, None])

    @cached_property
    def ends(self) -> Int64s:
        """(2, channels) the reachable accumulators' ends."""
        return np.array([self.acc_min, self.acc_max])


@dataclass(frozen=True, eq=False)
class Word:
    """The device's word of each channel: `multiple * acc + unit * nudge`; multiple (channels,)."""

    multiple: Int64s
    unit: int = 1

    @staticmethod
    def of(multiples: Sequence[int], channels: int, unit: int = 1) -> Word:
        """`multiples` one channel after the other, again and again."""
        return Word(np.resize(np.array(multiples, np.int64), channels), unit)

    @cached_property
    def log2(self) -> Int64s:
        """Of the multiples."""
        return np.asarray(np.log2(self.multiple), np.int64)


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

    def or_else(self, other: Solution) -> Solution:
        """Channels that have no constants here get the other's."""
        made = {field.name: getattr(self, field.name) for field in fields(self)}
        return Solution(**{name: np.where(self.solved, own, getattr(other, name)) for name, own in made.items()})


def steps(scaling: Scaling, acc_min: Int64s, acc_max: Int64s) -> Steps:
    """Where LiteRT's output changes, for accumulators acc_min <= acc <= acc_max (channels,) that do not wrap."""
    lowest, highest = acc_min[:, None], acc_max[:, None] + 1
    first = np.minimum(np.maximum(scaling.first_reaching(_VALUES), lowest), highest)
    if scaling.low > -128 or scaling.high < 127:
        first = np.where(scaling.low >= _VALUES, lowest, np.where(scaling.high < _VALUES, highest, first))
    return Steps(first, acc_min, acc_max)


def solve(scaling: Scaling, known: Steps, word: Word, shift: Int64s, begun: Solution | None = None) -> Solution:
    """One offset for all words.

    Args:
        scaling: what has to be reproduced.
        known: `steps(scaling, ...)` over the reachable accumulators.
        word: what the device holds.
        shift: (channels,) of the saturating instruction, 0..31.
        begun: channels that have constants already.
    """

    def search(solution: Solution, rows: Rows, factor: Int64s, tries: Sequence[int]) -> Bools:
        room = _room(known, rows, factor, word, shift)
        feasible = (room.at_least < room.below) & (factor < _FACTOR_END)
        for most in tries:
            left = np.flatnonzero(feasible & ~solution.solved[rows])
            if len(left):
                _search_offset(_Search(known, word, solution), rows[left], factor[left], room.of(left), most)
        return feasible

    return _near_the_ideal_factor(scaling, word, shift, search, _OFFSET_TRIES, begun)


def doubled(known: Steps, word: Word, solution: Solution, times: int) -> Solution:
    """Constants for a shift greater by `times`: factor and offset doubled so often give the same outputs.

    Solved are those channels whose constants and words stay inside int32.
    """
    factor, offset, negative = (part << times for part in (solution.factor, solution.offset, solution.negative_offset))
    made = Solution(factor, offset, negative, solution.nudge.copy(), solution.solved & (factor < _FACTOR_END))
    every = np.arange(len(factor))
    fits = _fits(_Search(known, word, made), every, factor, offset[:, None], made.nudge[:, None])[:, 0]
    made.solved[:] &= fits
    return made


def solve_signed(scaling: Scaling, known: Steps, word: Word, shift: Int64s) -> Solution:
    """A second offset for negative words; arguments as for `solve`."""
    below_zero, zero = known.first <= 0, np.zeros(len(known.first), np.int64)
    # Between these two thresholds the output is the same, so there the word may change its sign.
    last = np.maximum(np.where(below_zero, known.first, -_FAR).max(axis=1), known.acc_min)
    next_ = np.minimum(np.where(below_zero, _FAR, known.first).min(axis=1), known.acc_max + 1)
    negative = known.within(known.acc_min, np.maximum(next_ - 1, known.acc_min))
    positive = known.within(np.minimum(last, known.acc_max), known.acc_max)

    def search(solution: Solution, rows: Rows, factor: Int64s, tries: Sequence[int]) -> Bools:
        rooms = [_room(side, rows, factor, word, shift) for side in (positive, negative)]
        feasible = (factor < _FACTOR_END) & (last <= zero)[rows] & (next_ >= zero)[rows]
        for room in rooms:
            feasible &= room.at_least < room.below
        for most in tries:
            left = np.flatnonzero(feasible & ~solution.solved[rows])
            if len(left):
                gap = _Room(last[rows[left]], next_[rows[left]])
                sides = [room.of(left) for room in rooms]
                _search_two_offsets(_Search(known, word, solution), rows[left], factor[left], sides, gap, most)
        return np.asarray(feasible, np.bool_)

    return _near_the_ideal_factor(scaling, word, shift, search, _NUDGE_TRIES)


def _near_the_ideal_factor(
    scaling: Scaling,
    word: Word,
    shift: Int64s,
    search: Callable[[Solution, Rows, Int64s, Sequence[int]], Bools],
    tries: Sequence[int],
    begun: Solution | None = None,
) -> Solution:
    """Calls `search` for channels not yet solved: with the ideal factor; with few tries for all its neighbours; with
    many for one after the other of those that it reported to be feasible.
    """
    if begun is not None and begun.solved.all():
        return begun
    zeros = np.zeros((4, len(scaling.multiplier)), np.int64)
    solution = begun or Solution(zeros[0], zeros[1], zeros[2], zeros[3], np.zeros(zeros.shape[1], np.bool_))
    real = np.minimum(scaling.multiplier * np.exp2(scaling.shift + (shift + 1.0)) / word.multiple, 2.0 * _FACTOR_END)
    ideal = np.round(real).astype(np.int64)
    unsolved = np.flatnonzero(~solution.solved & (ideal + _DISTANCES.min() < _FACTOR_END))
    for first in range(0, len(unsolved), _AT_ONCE):
        rows = unsolved[first : first + _AT_ONCE]
        factors = np.maximum(ideal[rows, None] + _DISTANCES, 1)
        search(solution, rows, factors[:, 0], tries)
        rows, factors = (part[~solution.solved[rows]] for part in (rows, factors[:, 1:]))
        if not len(rows):
            continue
        pairs = search(solution, np.repeat(rows, factors.shape[1]), factors.reshape(-1), tries[:1])
        feasible = pairs.reshape(factors.shape)
        for column in np.flatnonzero(feasible.any(axis=0)):
            left = np.flatnonzero(feasible[:, column] & ~solution.solved[rows])
            if len(left):
                search(solution, rows[left], factors[left, column], tries[1:])
    return solution


@dataclass(frozen=True, eq=False)
class _Room:
    """An interval for each row: at_least <= x < below."""

    at_least: Int64s
    below: Int64s

    def of(self, rows: Rows) -> _Room:
        return _Room(self.at_least[rows], self.below[rows])


def _room(known: Steps, rows: Rows, factor: Int64s, word: Word, shift: Int64s) -> _Room:
    """Where N may lie: `multiple * acc * factor + N >= v * 2^(shift + 32)` must hold at first(v) and fail below.

    Where the output is v or more from the lowest accumulator on, it need not fail; where it never is, it need not hold.
    """
    step = (factor * word.multiple[rows])[:, None]
    lines = (_VALUES << (shift[rows] + 32)[:, None]) - known.first[rows] * step
    at_least = np.where(known.holds[rows], lines, -_FAR).max(axis=1)
    below = np.where(known.fails[rows], lines + step, _FAR).min(axis=1)
    no_least, no_below = at_least == -_FAR, below == _FAR
    if not (no_least.any() or no_below.any()):
        return _Room(at_least, below)
    # A bound that is absent is put a little away from the other, so that N stays small.
    return _Room(
        np.where(no_least, np.where(no_below, 0, below - _ASIDE), at_least),
        np.where(no_below, np.where(no_least, _ASIDE, at_least + _ASIDE), below),
    )


@dataclass(frozen=True, eq=False)
class _Search:
    """What has to be reproduced by which word, and where constants that do are written."""

    known: Steps
    word: Word
    solution: Solution


def _search_offset(search: _Search, rows: Rows, factor: Int64s, room: _Room, tries: int) -> None:
    """Writes the offset and the smallest nudge that put N in its room, for the rows that have one."""
    centre = (room.below - 1) >> 32
    offsets = centre[:, None] - np.arange(-(tries // 4), tries - tries // 4)[None, :]
    most = room.below[:, None] - 1 - (offsets << 32)
    nudges, missing = np.divmod(most, (factor * search.word.unit)[:, None])
    good = missing <= (room.below - 1 - room.at_least)[:, None]
    pick = _least(nudges, good)
    won = good[pick] & _fits(search, rows, factor, offsets[pick][:, None], nudges[pick][:, None])[:, 0]
    if not won.all():
        good &= _fits(search, rows, factor, offsets, nudges)
        pick = _least(nudges, good)
        won = good[pick]
    _write(search.solution, rows, won, factor, offsets[pick], offsets[pick], nudges[pick])


def _least(nudges: Int64s, good: Bools) -> tuple[Rows, Rows]:
    """Where in each row the smallest good nudge stands."""
    return np.arange(len(nudges)), np.where(good, np.abs(nudges), _FAR).argmin(axis=1)


def _search_two_offsets(
    search: _Search, rows: Rows, factor: Int64s, sides: Sequence[_Room], gap: _Room, tries: int
) -> None:
    """The same with one offset for each side; `gap` is where the word may change its sign, ends included."""
    word = search.word
    nudges = np.array(sorted(range(-tries // 2, tries // 2), key=abs), np.int64)[None, :]
    moved = nudges * (factor * word.unit)[:, None]
    # The smallest accumulator with a word of 0 or more.
    change = -((word.unit * nudges) // word.multiple[rows][:, None])
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
    word, limit = search.word, np.int64(1) << 31
    ends = (word.multiple * search.known.ends)[:, rows]
    reached = ends[:, :, None] + word.unit * nudges
    sums = offsets + ((reached * factor[:, None]) >> 32)
    inside = (np.abs(reached) < limit) & (np.abs(sums) < limit) & (np.abs(offsets) < limit)
    return np.asarray(inside.all(axis=0))


def _write(
    solution: Solution, rows: Rows, won: Bools, factor: Int64s, offset: Int64s, negative_offset: Int64s, nudge: Int64s
) -> None:
    chosen = rows[won]
    solution.factor[chosen] = factor[won]
    solution.offset[chosen] = offset[won]
    solution.negative_offset[chosen] = negative_offset[won]
    solution.nudge[chosen] = nudge[won]
    solution.solved[chosen] = True
