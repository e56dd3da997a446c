"""LEAKY_RELU."""

from __future__ import annotations

import numpy as np

from edgeprune.ir import Op, Tensor
from edgeprune.kernels.fixed_point import requant
from edgeprune.kernels.lookup import VALUES, lookup
from edgeprune.kernels.requant import quantize_multiplier, scale_zero


def _table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    """x above 0 and alpha * x below, factors in float32."""
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    scale, divisor = np.float32(in_scale), np.float32(out_scale)
    x = (VALUES - in_zero).astype(np.int64)
    above = requant(x, *quantize_multiplier(float(scale / divisor)))
    below = requant(x, *quantize_multiplier(float(scale * np.float32(op.attrs["alpha"]) / divisor)))
    return np.where(x >= 0, above, below) + out_zero


CANDIDATES = (lookup(_table),)
