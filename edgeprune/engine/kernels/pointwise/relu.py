"""RELU, RELU6, RELU_N1_TO_1 and RELU_0_TO_1 as operators of their own (usually they are fused into another)."""

from __future__ import annotations

import numpy as np

from edgeprune.engine.kernels.pointwise.slopes import Slopes, by_slopes
from edgeprune.engine.kernels.requant import activation_range, quantize_multiplier, scale_zero
from edgeprune.ir import Activation, DType, Op, OpKind, Tensor


def slopes(op: Op, data: Tensor, output: Tensor) -> Slopes:
    factor = quantize_multiplier(float(np.float32(scale_zero(data)[0]) / np.float32(scale_zero(output)[0])))
    return Slopes(factor, factor, *_range(op, output))


def _range(op: Op, output: Tensor) -> tuple[int, int]:
    activation = op.traits.standalone_activation
    if activation is not None:
        return activation_range(activation, output)
    _, high = activation_range(Activation.RELU_N1_TO_1, output)
    return scale_zero(output)[1], high


_BOTH = (DType.INT8, DType.INT16)
TYPES = {
    OpKind.RELU: _BOTH, OpKind.RELU6: _BOTH,
    OpKind.RELU_N1_TO_1: (DType.INT8,), OpKind.RELU_0_TO_1: (DType.INT8,),  # LiteRT has no int16 kernel
}  # fmt: skip
KERNELS = {kind: by_slopes(slopes, types) for kind, types in TYPES.items()}
