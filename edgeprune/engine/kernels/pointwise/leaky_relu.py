"""LEAKY_RELU."""

from __future__ import annotations

import numpy as np

from edgeprune.engine.kernels.pointwise.slopes import Slopes, by_slopes
from edgeprune.engine.kernels.requant import limits, quantize_multiplier, scale_zero
from edgeprune.ir import DType, LeakyReluAttrs, Op, OpKind, Tensor, attrs_of


def slopes(op: Op, data: Tensor, output: Tensor) -> Slopes:
    """x above 0 and alpha * x below, factors in float32."""
    scale, divisor = np.float32(scale_zero(data)[0]), np.float32(scale_zero(output)[0])
    above = quantize_multiplier(float(scale / divisor))
    below = quantize_multiplier(float(scale * np.float32(attrs_of(op, LeakyReluAttrs).alpha) / divisor))
    return Slopes(above, below, *limits(output.dtype))


TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.LEAKY_RELU: by_slopes(slopes)}
