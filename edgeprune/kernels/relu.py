"""RELU, RELU6 and RELU_N1_TO_1 as operators of their own (usually they are fused into another)."""

from __future__ import annotations

import numpy as np

from edgeprune.ir import Activation, Op, OpKind, Tensor
from edgeprune.kernels.fixed_point import requant
from edgeprune.kernels.lookup import VALUES, lookup
from edgeprune.kernels.requant import activation_range, quantize_multiplier, scale_zero

_RANGES = {
    OpKind.RELU: Activation.RELU, OpKind.RELU6: Activation.RELU6, OpKind.RELU_N1_TO_1: Activation.RELU_N1_TO_1,
}  # fmt: skip


def _table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    multiplier, shift = quantize_multiplier(float(np.float32(in_scale) / np.float32(out_scale)))
    low, high = activation_range(_RANGES[op.kind], output)
    result = out_zero + requant((VALUES - in_zero).astype(np.int64), multiplier, shift)
    return np.asarray(np.clip(result, low, high))


CANDIDATES = (lookup(_table),)
