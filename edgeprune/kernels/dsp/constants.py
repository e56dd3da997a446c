"""The requantization constants a layer's channels carry, for either way the DSP kernels know (firmware/include/dsp)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.kernels.dsp.requant import Int64s, Scaling, solve, steps

PLAIN = (32,)  # every channel's accumulator as it is
PAIRED = (32, 24)  # every second channel's accumulator comes multiplied by 256
_SHIFTS = (2, 3, 1, 4, 0, 5)  # in order of preference; layers with the same one share code
_MOST_EXPONENT = 22  # the zero point times 2^e stays inside int32


@dataclass(frozen=True, eq=False)
class TwoConstants:
    """The two-instruction way for all channels of a layer.

    Attributes:
        constants: (channels, 2) factor and offset.
        nudge: (channels,) to be added to the bias.
        shift: of the saturating instruction; 32 - word_bits more where the accumulator comes multiplied.
    """

    constants: Int64s
    nudge: Int64s
    shift: int


def two_instruction_constants(
    scaling: Scaling, acc_min: Int64s, acc_max: Int64s, word_bits: Sequence[int] = PLAIN
) -> TwoConstants | None:
    """Constants proved over acc_min..acc_max (channels,), or None where some channel has none for a common shift."""
    if (scaling.low, scaling.high) != (-128, 127) or not len(acc_min):
        return None
    ways = len(word_bits)
    parts = [scaling.of(slice(way, None, ways)) for way in range(ways)]
    known = [steps(part, acc_min[way::ways], acc_max[way::ways]) for way, part in enumerate(parts)]
    for shift in _SHIFTS:
        constants = np.zeros((len(acc_min), 2), np.int64)
        nudge = np.zeros(len(acc_min), np.int64)
        for way, bits in enumerate(word_bits):
            answer = solve(parts[way], known[way], bits, shift + 32 - bits)
            if not answer.found.all():
                break
            constants[way::ways] = np.stack([answer.factor, answer.offset], axis=1)
            nudge[way::ways] = answer.nudge
        else:
            return TwoConstants(constants, nudge, shift)
    return None


def exact_constants(scaling: Scaling) -> Int64s | None:
    """(channels, 3) multiplier, rounding and zero point, e = -shift; None where LiteRT shifts left or rounds once."""
    exponent = -scaling.shift
    if not scaling.rounds_twice or (exponent < 1).any() or (exponent > _MOST_EXPONENT).any():
        return None
    offset = (np.int64(scaling.zero_point) << exponent) + (np.int64(1) << (exponent - 1))
    return np.stack([scaling.multiplier, offset, exponent], axis=1)
