"""SQUARED_DIFFERENCE, broadcasting included."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import operand, params
from edgeprune.engine.kernels.pointwise.elementwise import Pair, in_place, read_pair
from edgeprune.engine.kernels.requant import quantize_multiplier, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind

_LEFT_SHIFT = 7


def _fields(pair: Pair) -> dict[str, object]:
    """The C fields on scales: both inputs on one scale with 7 bits more, float64 throughout."""
    (a_scale, a_zero), (b_scale, b_zero), (out_scale, out_zero) = map(scale_zero, (pair.a, pair.b, pair.output))
    twice = 2 * max(a_scale, b_scale)
    in1, in2 = quantize_multiplier(a_scale / twice), quantize_multiplier(b_scale / twice)
    out = quantize_multiplier(twice * twice / ((1 << 2 * _LEFT_SHIFT) * out_scale))
    return {
        "in1_multiplier": in1[0], "in1_shift": in1[1], "in2_multiplier": in2[0], "in2_shift": in2[1],
        "out_multiplier": out[0], "out_shift": out[1],
        "in1_zero": a_zero, "in2_zero": b_zero, "out_zero": out_zero,
    }  # fmt: skip


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    pair = read_pair(graph, op, DType.INT8)
    in1, in2 = operand(graph, op, 0), operand(graph, op, 1)

    def definitions(s: Symbols) -> str:
        fields = {"axes": axes_field(s, "axes", pair.axes), "rank": len(pair.axes)}
        return params(s, "ep_squared_difference_t", fields | _fields(pair))

    def emit(s: Symbols) -> str:
        return f"ep_squared_difference_ref(&{s.layer}_params, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)});"

    return KernelCall(
        function="ep_squared_difference_ref",
        emit=emit,
        sources=("ref/squared_difference.c",),
        headers=("ep_squared_difference.h",),
        constants=(axes_constant("axes", pair.axes), *in1.constants, *in2.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
        definitions=definitions,
    )


KERNELS = {OpKind.SQUARED_DIFFERENCE: _ref}
