"""ADD and SUB of equal shapes, and functions of two slopes, over int16 (`dsp/add_int16.h`, `dsp/slopes_int16.h`)."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import operand, params
from edgeprune.engine.kernels.pointwise import absolute, leaky_relu, quantize, relu
from edgeprune.engine.kernels.pointwise.add import add_fields, is_by_shifts
from edgeprune.engine.kernels.pointwise.elementwise import in_place, read_pair
from edgeprune.engine.kernels.pointwise.slopes import arithmetic
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind

_MAKERS = {
    OpKind.RELU: relu.slopes, OpKind.RELU6: relu.slopes, OpKind.LEAKY_RELU: leaky_relu.slopes,
    OpKind.ABS: absolute.slopes, OpKind.QUANTIZE: quantize.slopes,
}  # fmt: skip
_MOST_LEFT = 14


def add(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    pair = read_pair(graph, op, DType.INT16)
    ends = (pair.a, pair.b, pair.output)
    known = all(tensor.qparams is not None for tensor in ends)
    if not pair.a.shape == pair.b.shape == pair.output.shape or (known and is_by_shifts(op, *ends)):
        return None
    in1, in2, count = operand(graph, op, 0), operand(graph, op, 1), pair.output.element_count
    if known:
        add_fields(op, *ends)  # refuses before anything is generated

    def emit(s: Symbols) -> str:
        return (
            f"ep_add_int16_dsp(&{s.layer}_params, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)}, {count}U);"
        )

    return KernelCall(
        function="ep_add_int16_dsp",
        emit=emit,
        sources=("dsp/add_int16.c",),
        headers=("dsp/add_int16.h",),
        constants=(*in1.constants, *in2.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=count),
        definitions=lambda s: params(s, "ep_add_t", add_fields(op, *ends)),
    )


def slopes(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    data, output = graph.tensors[op.inputs[0]], graph.output_of(op)
    if output.dtype is not DType.INT16:
        return None
    if data.qparams is not None and output.qparams is not None:
        made = _MAKERS[op.kind](op, data, output)
        if max(made.above[1], made.below[1]) > _MOST_LEFT:
            return None
    plain = arithmetic(graph, op, data, output, _MAKERS[op.kind])

    def emit(s: Symbols) -> str:
        return f"ep_slopes_int16_dsp(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {data.element_count}U);"

    return replace(
        plain, function="ep_slopes_int16_dsp", emit=emit, sources=("dsp/slopes_int16.c",),
        headers=("dsp/slopes_int16.h",),
    )  # fmt: skip
