"""gemmlowp's fixed-point arithmetic on arrays, for tables the generator works out (C: ep_fixed_point.h)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

INT32_MAX = (1 << 31) - 1


def multiply_high(a: Int64s, b: Int64s | int) -> Int64s:
    """round(a * b / 2**31), halves upwards, for int64 arrays of int32 values."""
    return np.asarray(np.minimum((a * b + (1 << 30)) >> 31, INT32_MAX))


def shift_right_round(x: Int64s, exponent: int) -> Int64s:
    """round(x / 2**exponent), halves away from zero."""
    mask = (1 << exponent) - 1
    return np.asarray((x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0)))


def requant(x: Int64s, multiplier: int, shift: int) -> Int64s:
    """x * multiplier * 2**(shift - 31), rounded twice; a left shift wraps at 32 bits."""
    if shift > 0:
        return multiply_high((x << shift).astype(np.int32).astype(np.int64), multiplier)
    return shift_right_round(multiply_high(x, multiplier), -shift)


def shift_left_saturating(x: Int64s, bits: int) -> Int64s:
    return np.asarray(np.clip(x << bits, -(1 << 31), INT32_MAX))


def exp_of_negative(x: Int64s, integer_bits: int) -> Int64s:
    """exp(x) in Q0.31 for x <= 0 in Q(integer_bits).(31 - integer_bits)."""
    quarter = 1 << (31 - integer_bits - 2)
    rest = (x & (quarter - 1)) - quarter
    whole = rest - x
    d = (rest << integer_bits) + (1 << 28)
    d2 = multiply_high(d, d)
    d4_quarter = shift_right_round(multiply_high(d2, d2), 2)
    tail = shift_right_round(multiply_high(d4_quarter + multiply_high(d2, d), round(2**31 / 3)) + d2, 1)
    result = 1895147668 + multiply_high(d + tail, 1895147668)  # exp(-1/8)
    for k in range(-2, min(integer_bits, 5)):
        factor = round(np.exp(-(2.0**k)) * 2**31)
        result = np.where(whole & (quarter << (k + 2)), multiply_high(result, factor), result)
    if integer_bits > 5:
        result = np.where(x < -(1 << (36 - integer_bits)), 0, result)
    return np.where(x == 0, INT32_MAX, result)


def _newton(x: Int64s) -> Int64s:
    """2 / (1 + x) in Q2.29 for x in [0, 1) in Q0.31: Newton's method from 48/17 - 32/17 * (1 + x) / 2."""
    half = (x + INT32_MAX + 1) >> 1
    inverse = 1515870810 + multiply_high(half, -1010580540)
    for _ in range(3):
        error = (1 << 29) - multiply_high(half, inverse)
        inverse = inverse + shift_left_saturating(multiply_high(inverse, error), 2)
    return inverse


def tanh(x: Int64s, integer_bits: int) -> Int64s:
    """tanh(x) in Q0.31."""
    inverse = _newton(exp_of_negative(-np.abs(x), integer_bits + 1))  # the same bits, one more before the point: -2|x|
    result = shift_left_saturating(inverse - (1 << 29), 2)
    return np.where(x == 0, 0, np.where(x > 0, result, -result))
