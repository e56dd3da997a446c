"""The requantization constants a layer's channels carry, for either way the DSP kernels know (firmware/include/dsp)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.dsp.requant import Solution, Steps, Word, solve, solve_signed, steps
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.engine.kernels.scaling import Int64s, Scaling
from edgeprune.ir import Activation, Op, Tensor

USUAL_SHIFT = 2  # what a layer without values is counted on to need
PLAIN = (Word(),)
PAIRED = (Word(), Word(256))  # every second channel's accumulator comes multiplied by 256
SHIFTS = (2, 3, 1, 4, 0, 5)  # in order of preference; layers with the same one share code
_MOST_LIFT = 8  # int8 weights stay int16
_MOST_SHIFT = 20  # leaves the sum before it room inside int32
_MOST_EXPONENT = 22  # the zero point times 2^e stays inside int32


@dataclass(frozen=True, eq=False)
class TwoConstants:
    """The two-instruction way for all channels of a layer.

    Attributes:
        constants: (channels, 2) factor and offset.
        nudge: (channels,) to be added to the bias as the word holds it (`stream.bias_words`).
        shift: of the saturating instruction; 8 more where the accumulator comes multiplied by 256.
    """

    constants: Int64s
    nudge: Int64s
    shift: int


def two_instruction_constants(
    scaling: Scaling, acc_min: Int64s, acc_max: Int64s, words: Sequence[Word] = PLAIN, shifts: Sequence[int] = SHIFTS
) -> TwoConstants | None:
    """Constants proved over acc_min..acc_max (channels,); None where no shift has some for all channels."""
    if (scaling.low, scaling.high) != (-128, 127) or not len(acc_min) or scaling.wraps(acc_min, acc_max):
        return None
    layer, ways = _InWords.of(scaling, acc_min, acc_max, words), len(words)
    for shift in shifts:
        constants = np.zeros((len(acc_min), 2), np.int64)
        nudge = np.zeros(len(acc_min), np.int64)
        for way in range(ways):
            solution = layer.solved(way, shift)
            if not solution.solved.all():
                break
            constants[way::ways] = np.stack([solution.factor, solution.offset], axis=1)
            nudge[way::ways] = solution.nudge
        else:
            return TwoConstants(constants, nudge, shift)
    return None


def solved_channels(
    scaling: Scaling, acc_min: Int64s, acc_max: Int64s, words: Sequence[Word], shift: int
) -> NDArray[np.bool_]:
    """(channels,) which have constants for this shift; arguments as for `two_instruction_constants`."""
    layer, ways = _InWords.of(scaling, acc_min, acc_max, words), len(words)
    solved = np.zeros(len(acc_min), np.bool_)
    for way in range(ways):
        solved[way::ways] = layer.solved(way, shift).solved
    return solved


@dataclass(frozen=True, eq=False)
class _InWords:
    """A layer's channels by the word each comes in: those of one word together."""

    words: Sequence[Word]
    parts: Sequence[Scaling]
    known: Sequence[Steps]

    @classmethod
    def of(cls, scaling: Scaling, acc_min: Int64s, acc_max: Int64s, words: Sequence[Word]) -> _InWords:
        ways = len(words)
        parts = [scaling.of(slice(way, None, ways)) for way in range(ways)]
        known = [steps(part, acc_min[way::ways], acc_max[way::ways]) for way, part in enumerate(parts)]
        return cls(words, parts, known)

    def solved(self, way: int, shift: int) -> Solution:
        word = self.words[way]
        return solve(self.parts[way], self.known[way], word, shift + word.multiple.bit_length() - 1)


@dataclass(frozen=True, eq=False)
class LiftedConstants:
    """The two-instruction way where each channel's weights and bias may be multiplied by a power of two first.

    What one shift cannot do for a channel whose input steps reach over many of its output's, a larger word can.

    Attributes:
        constants: (channels, 3) factor, offset and the power of two.
        nudge: (channels,) in units of the lifted word.
        solved: (channels,) which have constants; the others' mean nothing.
    """

    constants: Int64s
    nudge: Int64s
    solved: NDArray[np.bool_]


def lifted_constants(scaling: Scaling, acc_min: Int64s, acc_max: Int64s, shift: int) -> LiftedConstants:
    """Constants proved over acc_min..acc_max (channels,) for this shift of the saturating instruction."""
    channels = len(acc_min)
    found = LiftedConstants(np.zeros((channels, 3), np.int64), np.zeros(channels, np.int64), np.zeros(channels, bool))
    if (scaling.low, scaling.high) != (-128, 127) or not channels or scaling.wraps(acc_min, acc_max):
        return found
    # A factor stays below 2^31 while multiplier * 2^(scale's shift + shift + 1) stays below the power of two.
    lifts = np.clip(scaling.shift + shift + 1, 0, None)
    for lift in np.unique(lifts[lifts <= _MOST_LIFT]):
        rows = np.flatnonzero(lifts == lift)
        own = replace(scaling, multiplier=scaling.multiplier[rows], shift=scaling.shift[rows])
        solution = solve(own, steps(own, acc_min[rows], acc_max[rows]), Word(1 << int(lift)), shift)
        found.constants[rows] = np.stack([solution.factor, solution.offset, np.full(len(rows), 1 << lift)], axis=1)
        found.nudge[rows], found.solved[rows] = solution.nudge, solution.solved
    return found


@dataclass(frozen=True, eq=False)
class SignedConstants:
    """The way with a second offset for negative words.

    Attributes:
        constants: (channels, 3) factor, offset, and what is added to it below zero.
        nudge: (channels,) in the word's units.
        shift: of the saturating instruction.
    """

    constants: Int64s
    nudge: Int64s
    shift: int


def signed_constants(scaling: Scaling, acc_min: Int64s, acc_max: Int64s, word: Word) -> SignedConstants | None:
    """Constants proved over acc_min..acc_max (channels,), or None where some channel has none for a common shift."""
    if (scaling.low, scaling.high) != (-128, 127) or scaling.wraps(acc_min, acc_max):
        return None
    known = steps(scaling, acc_min, acc_max)
    real = float((scaling.multiplier * np.exp2(scaling.shift - 31.0)).max())
    largest = int(np.floor(np.log2(word.multiple / max(real, 1e-9)))) - 1  # so that factors end below 2^31
    search = solve if scaling.zero_point == -128 else solve_signed
    for shift in range(min(largest, _MOST_SHIFT), max(largest - 8, 0), -1):
        solution = search(scaling, known, word, shift)
        if solution.solved.all():
            constants = np.stack([solution.factor, solution.offset, solution.negative_offset - solution.offset], axis=1)
            return SignedConstants(constants, solution.nudge, shift)
    return None


def exact_constants(scaling: Scaling) -> Int64s | None:
    """(channels, 3) multiplier, rounding and zero point, e = -shift; None where LiteRT shifts left or rounds once."""
    exponent = -scaling.shift
    if not scaling.rounds_twice or (exponent < 1).any() or (exponent > _MOST_EXPONENT).any():
        return None
    offset = (np.int64(scaling.zero_point) << exponent) + (np.int64(1) << (exponent - 1))
    return np.stack([scaling.multiplier, offset, exponent], axis=1)


def counts_on_two(op: Op, output: Tensor) -> bool:
    """Whether a layer is counted on to requantize in two instructions before its values are known.

    All are whose outputs begin at zero: one offset serves them. Of the others a few can by chance. `Optimize.SPEED`
    takes the chance; else they do not, so that what is predicted is what is linked.
    """
    if output.qparams is None:
        return op.activation is not Activation.NONE
    begins_at_zero = output.qparams.zero_point == (-128,)
    return begins_at_zero and activation_range(op.activation, output) == (-128, 127)
