"""QUANTIZE (float to int8 or int16, int8, uint8 and int16 to another scale or type) and DEQUANTIZE (back to float)."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, plain_name, require
from edgeprune.engine.kernels.pointwise.elementwise import each_element
from edgeprune.engine.kernels.pointwise.lookup import BYTES
from edgeprune.engine.kernels.pointwise.slopes import BYTES_AND_INT16, Slopes, by_slopes
from edgeprune.engine.kernels.requant import limits, quantize_multiplier, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor

_FLIP = 128  # between the zero points of the same real values as int8 and as uint8


def slopes(op: Op, data: Tensor, output: Tensor) -> Slopes:
    factor = quantize_multiplier(scale_zero(data)[0] / scale_zero(output)[0])
    return Slopes(factor, factor, *limits(output.dtype))


_REQUANTIZE = by_slopes(slopes, BYTES_AND_INT16)


def _requantize(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, *BYTES_AND_INT16), output_tensor(graph, op, *BYTES_AND_INT16)
    require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
    if _is_flip(data, output):
        return each_element(graph, op, data, output, "ep_flip_sign_ref", "flip_sign")
    return _REQUANTIZE(graph, op, isa, optimize)


def _is_flip(data: Tensor, output: Tensor) -> bool:
    """Whether the same real values change between int8 and uint8: the top bit turns over."""
    if {data.dtype, output.dtype} != set(BYTES) or data.qparams is None or output.qparams is None:
        return False
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    return in_scale == out_scale and out_zero - in_zero == (_FLIP if output.dtype is DType.UINT8 else -_FLIP)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data = input_tensor(graph, op, 0, *BYTES_AND_INT16, DType.FLOAT32)
    if op.kind is OpKind.QUANTIZE and data.dtype in BYTES_AND_INT16:
        return _requantize(graph, op, isa, optimize)
    real, stored = (DType.FLOAT32,), BYTES_AND_INT16
    ends = (real, stored) if op.kind is OpKind.QUANTIZE else (stored, real)
    data, output = input_tensor(graph, op, 0, *ends[0]), output_tensor(graph, op, *ends[1])
    require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
    whole = (output if op.kind is OpKind.QUANTIZE else data).dtype
    name = f"ep_{op.kind.lower()}"
    function = f"{name}_uint8_ref" if whole is DType.UINT8 else plain_name(name, whole)

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


TYPES = (*BYTES_AND_INT16, DType.FLOAT32)
KERNELS = {OpKind.QUANTIZE: _ref, OpKind.DEQUANTIZE: _ref}
