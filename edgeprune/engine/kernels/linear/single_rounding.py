"""FULLY_CONNECTED's requantization: integers that give what LiteRT computes in float64.

LiteRT's reference kernel scales a dense layer's accumulator in float64 and rounds once, halves away from zero; no
document says so, its bytes do, on and beside halves (tests/firmware/operators/test_dense.py). The engine computes

    (acc * multiplier + 2^(right - 1)) >> right,    right = 31 - shift

which rounds halves upwards. Both are step functions of the accumulator: they agree everywhere when they agree on both
sides of every step in reach. The multiplier nearest to the real factor, or one of its neighbours, does that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.requant import CALIBRATE, quantize_multiplier
from edgeprune.errors import UnsupportedOp

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]

_NEIGHBOURS = 64  # multipliers looked at on each side
_STEPS = 255  # int8 values that have one below them
LARGEST = 2**31 - 256
"""Scaled sums below it have room for the zero point."""


@dataclass(frozen=True, eq=False)
class ExactMultipliers:
    """multiplier, shift: (scales,); solved: where they give LiteRT's bytes. Elsewhere no 32-bit factor does."""

    multiplier: NDArray[np.int32]
    shift: NDArray[np.int8]
    solved: NDArray[np.bool_]


def exact_multipliers(name: str, real: Floats, acc_min: Int64s, acc_max: Int64s, out_zero: int) -> ExactMultipliers:
    """Factors proved for every accumulator acc_min <= acc <= acc_max of their scale.

    Args:
        name: of the layer, for errors.
        real: (scales,) float64 factors.
        acc_min, acc_max: (scales,).
        out_zero: zero point of the int8 output; steps beyond int8 are all the same.

    Raises:
        UnsupportedOp: scaled sums leave int32 (what LiteRT gives then is undefined).
        ModelError: a factor of 2^30 and above.
    """
    largest = float((np.maximum(-acc_min, acc_max) * np.abs(real)).max())
    if not largest < LARGEST:
        raise UnsupportedOp(
            f"{name!r}: its sums reach {largest:.3g} steps of its output, beyond int32, where LiteRT's are undefined",
            CALIBRATE,
        )
    pairs = [quantize_multiplier(float(factor)) for factor in real]
    ideal = np.array([multiplier for multiplier, _ in pairs], np.int64)
    shift = np.array([shift for _, shift in pairs], np.int64)
    value = np.arange(-127, -127 + _STEPS, dtype=np.int64)[None, :] - out_zero
    first = first_reaching(value, real[:, None], acc_min[:, None], acc_max[:, None])
    solved, multiplier = np.zeros(len(real), np.bool_), ideal.copy()
    for distance in sorted(range(-_NEIGHBOURS, _NEIGHBOURS + 1), key=abs):
        left = np.flatnonzero(~solved)
        if not len(left):
            break
        tried = ideal[left] + np.where(ideal[left] == 0, 0, distance)
        right = (31 - shift[left])[:, None]

        def reaches(
            acc: Int64s, tried: Int64s = tried, right: Int64s = right, left: Int64s = left
        ) -> NDArray[np.bool_]:
            return np.asarray((acc * tried[:, None] + (np.int64(1) << (right - 1))) >> right >= value)

        here = first[left]
        good = reaches(here) | (here > acc_max[left][:, None])
        good &= ~reaches(here - 1) | (here <= acc_min[left][:, None])
        exact = good.all(axis=1) & (tried < 1 << 31)
        multiplier[left[exact]] = tried[exact]
        solved[left[exact]] = True
    return ExactMultipliers(multiplier.astype(np.int32), shift.astype(np.int8), solved)


def first_reaching(value: Int64s, real: Floats, acc_min: Int64s, acc_max: Int64s) -> Int64s:
    """The smallest accumulator in reach whose rounded product is `value` or more, acc_max + 1 where none is."""
    guess = np.ceil((value - 0.5) / np.maximum(real, 1e-300))
    first = np.clip(guess, acc_min, acc_max + 1).astype(np.int64)
    for _ in range(4):  # the division above is off by an accumulator at most
        down = (first > acc_min) & (rounded(first - 1, real) >= value)
        up = (first <= acc_max) & (rounded(first, real) < value)
        first = first - down + up
    return first


def rounded(acc: Int64s, real: Floats) -> Floats:
    """LiteRT's: the float64 product, halves away from zero."""
    product = acc * real
    whole = np.floor(np.abs(product))
    return np.asarray(np.copysign(whole + (np.abs(product) - whole >= 0.5), product))
