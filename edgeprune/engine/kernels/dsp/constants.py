"""The requantization constants a layer's channels carry, for either way the DSP kernels know (firmware/include/dsp)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.dsp.requant import Solution, Steps, Word, doubled, solve, solve_signed, steps
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.engine.kernels.scaling import Int64s, Scaling
from edgeprune.ir import Activation, Op, Tensor

USUAL_SHIFT = 2  # what a layer without values is counted on to need
PLAIN = (1,)
PAIRED = (1, 256)  # every second channel's accumulator comes multiplied by 256
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


@dataclass(frozen=True, eq=False)
class Requantized:
    """The channels of a layer, and what is known of their requantization: asked for one shift after the other.

    Attributes:
        scaling: LiteRT's.
        known: where its outputs change, over the accumulators in reach; None where no constants can serve.
        word: each accumulator comes in.
        solutions: worked out so far, by shift.
    """

    scaling: Scaling
    known: Steps | None
    word: Word
    solutions: dict[int, Solution] = field(default_factory=dict)

    @classmethod
    def of(cls, scaling: Scaling, acc_min: Int64s, acc_max: Int64s, multiples: Sequence[int] = PLAIN) -> Requantized:
        """A layer's.

        Args:
            acc_min, acc_max: (channels,) the ends of what each accumulator can be.
            multiples: powers of two that they come multiplied by, one channel after the other, again and again.
        """
        usual = (scaling.low, scaling.high) == (-128, 127) and len(acc_min) and not scaling.wraps(acc_min, acc_max)
        return cls(scaling, steps(scaling, acc_min, acc_max) if usual else None, Word.of(multiples, len(acc_min)))

    def solved(self, shift: int) -> NDArray[np.bool_]:
        """(channels,) which have constants for this shift."""
        if self.known is None:
            return np.zeros(len(self.scaling.multiplier), np.bool_)
        return self._solution(self.known, shift).solved

    def constants(self, shifts: Sequence[int]) -> TwoConstants | None:
        """Proved constants for the first shift that has some for all channels; None where none has."""
        if self.known is not None:
            for shift in (one for one in shifts if one <= self._most_shift):
                solution = self._solution(self.known, shift)
                if solution.solved.all():
                    return TwoConstants(np.array([solution.factor, solution.offset]).T, solution.nudge, shift)
        return None

    @cached_property
    def _most_shift(self) -> int:
        """From the next one on some channel's factor is beyond int32; its neighbours are tried up to there."""
        real = float((self.scaling.multiplier * np.exp2(self.scaling.shift - 31.0)).max())
        return math.ceil(math.log2(0.5 / real)) if real else max(SHIFTS)

    def _solution(self, known: Steps, shift: int) -> Solution:
        """What a lower shift has constants for, a higher one has, too: a search near one factor looks further there."""
        if shift not in self.solutions:
            lower = max((one for one in self.solutions if one < shift), default=None)
            begun = None if lower is None else doubled(known, self.word, self.solutions[lower], shift - lower)
            solution = solve(self.scaling, known, self.word, shift + self.word.log2, begun)
            if shift > 0 and not solution.solved.all():
                solution = solution.or_else(doubled(known, self.word, self._solution(known, shift - 1), 1))
            self.solutions[shift] = solution
        return self.solutions[shift]


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
    rows = np.flatnonzero(lifts <= _MOST_LIFT)
    own = replace(scaling, multiplier=scaling.multiplier[rows], shift=scaling.shift[rows])
    times = np.int64(1) << lifts[rows]
    solution = solve(own, steps(own, acc_min[rows], acc_max[rows]), Word(times), np.full(len(rows), shift))
    found.constants[rows] = np.array([solution.factor, solution.offset, times]).T
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


def signed_constants(
    scaling: Scaling, acc_min: Int64s, acc_max: Int64s, multiple: int, unit: int
) -> SignedConstants | None:
    """Constants proved over acc_min..acc_max (channels,), or None where some channel has none for a common shift.

    Args:
        multiple, unit: of the word (`Word`).
    """
    if (scaling.low, scaling.high) != (-128, 127) or scaling.wraps(acc_min, acc_max):
        return None
    known, word = steps(scaling, acc_min, acc_max), Word.of((multiple,), len(acc_min), unit)
    real = float((scaling.multiplier * np.exp2(scaling.shift - 31.0)).max())
    largest = int(np.floor(np.log2(multiple / max(real, 1e-9)))) - 1  # so that factors end below 2^31
    search = solve if scaling.zero_point == -128 else solve_signed
    for shift in range(min(largest, _MOST_SHIFT), max(largest - 8, 0), -1):
        solution = search(scaling, known, word, np.full(len(acc_min), shift))
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
