"""The words `firmware/include/dsp/tile.h` reads for a layer: biases, weights two channels to a word, requantization.

Every precondition of the tile is decided here, from the exact range each accumulator can reach. A layer that breaks
one gets no stream, and its operator falls back to the plain C kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeprune.kernels.dsp.requant import Scaling, TwoInstruction, solve, steps

Int64s = NDArray[np.int64]
Words = NDArray[np.uint32]

_SHIFTS = (2, 3, 1, 4, 0, 5)  # of SSAT, in order of preference; one that all layers share lets them share code
_HIGH_LANE = 256  # a word's lane holds 256 * b + a


@dataclass(frozen=True, eq=False)
class Stream:
    """Words for the pairs of channels, and for the last channel where their number is odd.

    Attributes:
        words: uint32, what tile.h calls stream.
        single: uint32, see conv2d.h; None where the number of channels is even.
        shifts: of channels a and b for the two-instruction way; None for the exact one.
        table_words: how many of all the words hold requantization constants, the rest being weights and biases.
    """

    words: Words
    single: Words | None
    shifts: tuple[int, int] | None
    table_words: int


def accumulator_range(weights: Int64s, bias: Int64s) -> tuple[Int64s, Int64s]:
    """Least and greatest of bias + sum(weights * q) over all int8 inputs q; weights (channels, n), bias (channels,)."""
    low = bias + np.minimum(weights * -128, weights * 127).sum(axis=1)
    high = bias + np.maximum(weights * -128, weights * 127).sum(axis=1)
    return low, high


def make_stream(weights: Int64s, bias: Int64s, scaling: Scaling) -> Stream | None:
    """Lay out a layer's channels, or None where a bound does not hold.

    Args:
        weights: (channels, 4 * steps) in the order of the columns' inputs, zeros where nothing is read.
        bias: (channels,) with the input's zero point folded in.
        scaling: LiteRT's requantization of the layer.
    """
    channels = len(weights)
    paired = channels // 2 * 2
    low, high = accumulator_range(weights, bias)
    if max(-low.min(), high.max()) >= 1 << 30 or (channels > 0 and np.abs(weights[1::2]).max(initial=0) > 127):
        return None
    single = None
    if channels % 2:
        constants = _exact(_channels(scaling, slice(paired, None)))
        if constants is None:
            return None
        single = np.concatenate([bias[paired:], _bytes_to_words(weights[paired]), constants[0]])
    shifts, constants, nudge = _requantization(scaling, low[:paired], high[:paired])
    if constants is None or np.abs(np.stack([low, high])[:, 1:paired:2] + nudge[1::2]).max(initial=0) >= 1 << 23:
        return None
    words = _pair_words(weights[:paired], bias[:paired] + nudge, constants)
    return Stream(
        words=_as_words(words),
        single=None if single is None else _as_words(single),
        shifts=shifts,
        table_words=constants.size + (3 if channels % 2 else 0),
    )


def _requantization(
    scaling: Scaling, low: Int64s, high: Int64s
) -> tuple[tuple[int, int] | None, Int64s | None, Int64s]:
    """(shifts or None, constants (channels, 2 or 3) or None where there is no way, nudge of the bias (channels,))."""
    if scaling.low == -128 and scaling.high == 127:
        halves = [_channels(scaling, slice(half, len(low), 2)) for half in (0, 1)]
        known = [steps(halves[half], low[half::2], high[half::2]) for half in (0, 1)]
        for shift in _SHIFTS:
            shifts = (shift, shift + 8)
            found = [solve(halves[half], known[half], 32 - 8 * half, shifts[half]) for half in (0, 1)]
            if all(answer.found.all() for answer in found):
                return shifts, *_interleave(found)
    return None, _exact(_channels(scaling, slice(len(low)))), np.zeros(len(low), np.int64)


def _interleave(found: list[TwoInstruction]) -> tuple[Int64s, Int64s]:
    both = [np.stack([answer.factor, answer.offset, answer.nudge], axis=1) for answer in found]
    rows = np.stack(both, axis=1).reshape(-1, 3)
    return rows[:, :2], rows[:, 2]


def _channels(scaling: Scaling, chosen: slice) -> Scaling:
    return replace(scaling, multiplier=scaling.multiplier[chosen], shift=scaling.shift[chosen])


def _exact(scaling: Scaling) -> Int64s | None:
    """(channels, 3) multiplier, rounding and zero point, e; None where LiteRT shifts left or rounds once."""
    exponent = -scaling.shift
    if not scaling.rounds_twice or (exponent < 1).any() or (exponent > 22).any():
        return None
    offset = (np.int64(scaling.zero_point) << exponent) + (np.int64(1) << (exponent - 1))
    return np.stack([scaling.multiplier, offset, exponent], axis=1)


def _pair_words(weights: Int64s, bias: Int64s, constants: Int64s) -> Int64s:
    """All pairs' words as int64: two biases, lanes, constants of a and b."""
    lanes = weights[1::2] * _HIGH_LANE + weights[0::2]
    quads = lanes.reshape(len(lanes), -1, 4) & 0xFFFF
    pairs = np.stack([quads[..., 0] | quads[..., 2] << 16, quads[..., 1] | quads[..., 3] << 16], axis=-1)
    biases = np.stack([bias[1::2] * _HIGH_LANE + bias[0::2], bias[0::2]], axis=1)
    return np.concatenate(
        [biases, pairs.reshape(len(lanes), -1), constants.reshape(len(lanes), -1)], axis=1
    ).reshape(-1)


def _bytes_to_words(values: Int64s) -> Int64s:
    quads = values.reshape(-1, 4) & 0xFF
    return np.asarray(quads @ (np.int64(1) << np.arange(0, 32, 8)), np.int64)


def _as_words(values: Int64s) -> Words:
    return (values & 0xFFFFFFFF).astype(np.uint32)
