"""RSQRT and SQRT. Negative inputs, which LiteRT refuses when it runs, give what 0 gives."""

from __future__ import annotations

from math import sqrt

import numpy as np

from edgeprune.ir import Op, OpKind, Tensor
from edgeprune.kernels.fixed_point import multiply_high, requant, shift_left_saturating, shift_right_round
from edgeprune.kernels.lookup import VALUES, lookup
from edgeprune.kernels.requant import quantize_multiplier, scale_zero

_EXTRA_BITS = 20  # of the inverse root before it is scaled


def inverse_root(value: int) -> tuple[int, int]:
    """(multiplier, shift) with `1 / sqrt(value) ~ multiplier * 2**(shift - 31)`: five Newton steps in Q3.28.

    Args:
        value: from 0 (taken as 1) to 2**29 - 1.
    """
    if value <= 1:
        return (1 << 31) - 1, 0
    pairs = (31 - value.bit_length()) // 2 - 1
    shift = 11 - pairs
    start = np.int64(value << 2 * pairs) >> 1
    half = shift_right_round(np.asarray(start), 1)
    x = np.asarray(np.int64(1 << 28))
    for _ in range(5):
        cube = shift_left_saturating(multiply_high(multiply_high(x, x), x), 6)
        x = shift_left_saturating(multiply_high(np.asarray(np.int64(3 << 27)), x) - multiply_high(half, cube), 3)
    multiplier = int(multiply_high(x, 1518500250))  # sqrt(1/2)
    return (multiplier << -shift, 0) if shift < 0 else (multiplier, -shift)


def _inverse_table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    multiplier, shift = quantize_multiplier(1 / (float(np.float32(sqrt(in_scale))) * out_scale))
    results = []
    for value in VALUES.tolist():
        if value <= in_zero:
            results.append(127)
            continue
        root_multiplier, root_shift = inverse_root(value - in_zero)
        root = requant(np.asarray(np.int64(1)), root_multiplier, root_shift + _EXTRA_BITS)
        results.append(int(requant(root, multiplier, shift - _EXTRA_BITS)) + out_zero)
    return np.array(results)


def _root_table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    reals = np.sqrt(np.float32(in_scale) * np.maximum(VALUES - in_zero, 0).astype(np.float32))
    return np.asarray(np.trunc(reals / np.float32(out_scale)) + out_zero)


def _table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    return (_inverse_table if op.kind is OpKind.RSQRT else _root_table)(op, data, output)


CANDIDATES = (lookup(_table),)
