"""ABS, and NEG of stored numbers: LiteRT takes them whatever their scales are, and lets -128 wrap around."""

from __future__ import annotations

import numpy as np

from edgeprune.engine.kernels.pointwise.lookup import VALUES, lookup
from edgeprune.engine.kernels.pointwise.slopes import Slopes, by_slopes
from edgeprune.engine.kernels.requant import limits, quantize_multiplier, scale_zero
from edgeprune.ir import DType, Op, OpKind, Tensor


def slopes(op: Op, data: Tensor, output: Tensor) -> Slopes:
    multiplier, shift = quantize_multiplier(float(np.float32(scale_zero(data)[0]) / np.float32(scale_zero(output)[0])))
    return Slopes((multiplier, shift), (-multiplier, shift), *limits(output.dtype))


def _negative(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    return np.asarray((-VALUES).astype(np.int8))


TYPES = {OpKind.ABS: (DType.INT8, DType.INT16), OpKind.NEG: (DType.INT8,)}
KERNELS = {OpKind.ABS: by_slopes(slopes), OpKind.NEG: lookup(_negative)}
