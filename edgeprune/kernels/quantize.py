"""QUANTIZE (float to int8, int8 to int8 of another scale) and DEQUANTIZE (int8 to float)."""

from __future__ import annotations

import numpy as np

from edgeprune.ir import DType, Graph, Op, OpKind, Tensor
from edgeprune.kernels.base import KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.fixed_point import requant
from edgeprune.kernels.lookup import VALUES, lookup
from edgeprune.kernels.operands import input_tensor, output_tensor, require
from edgeprune.kernels.requant import quantize_multiplier, scale_zero
from edgeprune.target.profile import Isa


def _rescaled(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    multiplier, shift = quantize_multiplier(in_scale / out_scale)
    return out_zero + requant((VALUES - in_zero).astype(np.int64), multiplier, shift)


_REQUANTIZE = lookup(_rescaled)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data = input_tensor(graph, op, 0, DType.INT8, DType.FLOAT32)
    if op.kind is OpKind.QUANTIZE and data.dtype is DType.INT8:
        return _REQUANTIZE(graph, op, isa, optimize)
    ends = (DType.FLOAT32, DType.INT8) if op.kind is OpKind.QUANTIZE else (DType.INT8, DType.FLOAT32)
    data, output = input_tensor(graph, op, 0, ends[0]), output_tensor(graph, op, ends[1])
    require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
    function = "ep_quantize_ref" if op.kind is OpKind.QUANTIZE else "ep_dequantize_ref"

    def emit(s: Symbols) -> str:
        scale, zero = scale_zero(output if op.kind is OpKind.QUANTIZE else data)
        literal = f"{scale:.9e}F"
        return f"{function}({s.input(0)}, {s.output(0)}, {data.element_count}U, {literal}, {zero});"

    return KernelCall(
        function=function,
        emit=emit,
        sources=("ref/quantize.c",),
        headers=("ep_quantize.h",),
        work=Work(outputs=data.element_count),
    )


CANDIDATES = (_ref,)
