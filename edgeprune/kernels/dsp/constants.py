"""The requantization constants a layer's channels carry, for either way the DSP kernels know (firmware/include/dsp)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.kernels.dsp.requant import Int64s, Scaling, Word, solve, solve_signed, steps

PLAIN = (Word(),)
PAIRED = (Word(), Word(256))  # every second channel's accumulator comes multiplied by 256
_SHIFTS = (2, 3, 1, 4, 0, 5)  # in order of preference; layers with the same one share code
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
    scaling: Scaling, acc_min: Int64s, acc_max: Int64s, words: Sequence[Word] = PLAIN
) -> TwoConstants | None:
    """Constants proved over acc_min..acc_max (channels,), or None where some channel has none for a common shift."""
    if (scaling.low, scaling.high) != (-128, 127) or not len(acc_min):
        return None
    ways = len(words)
    parts = [scaling.of(slice(way, None, ways)) for way in range(ways)]
    known = [steps(part, acc_min[way::ways], acc_max[way::ways]) for way, part in enumerate(parts)]
    for shift in _SHIFTS:
        constants = np.zeros((len(acc_min), 2), np.int64)
        nudge = np.zeros(len(acc_min), np.int64)
        for way, word in enumerate(words):
            answer = solve(parts[way], known[way], word, shift + word.multiple.bit_length() - 1)
            if not answer.found.all():
                break
            constants[way::ways] = np.stack([answer.factor, answer.offset], axis=1)
            nudge[way::ways] = answer.nudge
        else:
            return TwoConstants(constants, nudge, shift)
    return None


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
    if (scaling.low, scaling.high) != (-128, 127):
        return None
    known = steps(scaling, acc_min, acc_max)
    real = float((scaling.multiplier * np.exp2(scaling.shift - 31.0)).max())
    largest = int(np.floor(np.log2(word.multiple / max(real, 1e-9)))) - 1  # so that factors end below 2^31
    search = solve if scaling.zero_point == -128 else solve_signed
    for shift in range(min(largest, _MOST_SHIFT), max(largest - 8, 0), -1):
        answer = search(scaling, known, word, shift)
        if answer.found.all():
            constants = np.stack([answer.factor, answer.offset, answer.negative_offset - answer.offset], axis=1)
            return SignedConstants(constants, answer.nudge, shift)
    return None


def exact_constants(scaling: Scaling) -> Int64s | None:
    """(channels, 3) multiplier, rounding and zero point, e = -shift; None where LiteRT shifts left or rounds once."""
    exponent = -scaling.shift
    if not scaling.rounds_twice or (exponent < 1).any() or (exponent > _MOST_EXPONENT).any():
        return None
    offset = (np.int64(scaling.zero_point) << exponent) + (np.int64(1) << (exponent - 1))
    return np.stack([scaling.multiplier, offset, exponent], axis=1)
