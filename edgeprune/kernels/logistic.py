"""LOGISTIC and TANH."""

from __future__ import annotations

from math import floor, frexp

import numpy as np

from edgeprune.ir import Op, OpKind, Tensor
from edgeprune.kernels.fixed_point import logistic, requant, shift_right_round, tanh
from edgeprune.kernels.lookup import VALUES, lookup
from edgeprune.kernels.requant import scale_zero

INTEGER_BITS = 4


def _table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    """Inputs in Q4.27, results in Q0.31 cut to 8 bits."""
    scale, zero = scale_zero(data)
    fraction, shift = frexp(scale * (1 << 31 - INTEGER_BITS))
    multiplier = floor(fraction * (1 << 31) + 0.5)
    radius = int(((1 << INTEGER_BITS) - 1) * (1 << 31 - INTEGER_BITS) / (1 << shift)) if shift >= 0 else 1 << 31
    centered = (VALUES - zero).astype(np.int64)
    inner = np.clip(centered, -radius, radius)
    x = requant(inner, multiplier, shift)
    if op.kind is OpKind.LOGISTIC:
        result, offset = shift_right_round(logistic(x, INTEGER_BITS), 23), -128
    else:
        result, offset = shift_right_round(tanh(x, INTEGER_BITS), 24), 0
    result = np.where(centered <= -radius, -128, np.where(centered >= radius, 127, result + offset))
    return result


CANDIDATES = (lookup(_table),)
