"""ABS, and NEG of stored numbers: LiteRT takes them whatever their scales are, and lets the least wrap around."""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.operands import activation_type, input_tensor, output_tensor
from edgeprune.engine.kernels.pointwise.elementwise import each_element
from edgeprune.engine.kernels.pointwise.lookup import VALUES, lookup
from edgeprune.engine.kernels.pointwise.slopes import Slopes, by_slopes
from edgeprune.engine.kernels.requant import limits, quantize_multiplier, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor


def slopes(op: Op, data: Tensor, output: Tensor) -> Slopes:
    multiplier, shift = quantize_multiplier(float(np.float32(scale_zero(data)[0]) / np.float32(scale_zero(output)[0])))
    return Slopes((multiplier, shift), (-multiplier, shift), *limits(output.dtype))


def _negative(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    return np.asarray((-VALUES).astype(np.int8))


def _negate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    if activation_type(graph, op) is not DType.INT16:
        return _TABLE(graph, op, isa, optimize)
    data, output = input_tensor(graph, op, 0, DType.INT16), output_tensor(graph, op, DType.INT16)
    return each_element(graph, op, data, output, "ep_negate_int16_ref", "negate")


_TABLE = lookup(_negative)
TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.ABS: by_slopes(slopes), OpKind.NEG: _negate}
