"""ABS."""

from __future__ import annotations

import numpy as np

from edgeprune.ir import Op, Tensor
from edgeprune.kernels.fixed_point import requant
from edgeprune.kernels.lookup import VALUES, lookup
from edgeprune.kernels.requant import quantize_multiplier, scale_zero


def _table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    size = np.abs(VALUES - in_zero).astype(np.int64)
    if in_scale != out_scale:
        size = requant(size, *quantize_multiplier(float(np.float32(in_scale) / np.float32(out_scale))))
    return size + out_zero


CANDIDATES = (lookup(_table),)
