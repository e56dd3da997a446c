"""ADD and SUB, broadcasting included."""

from __future__ import annotations

from edgeprune.ir import DType, Graph, Op, OpKind, Tensor
from edgeprune.kernels.axes import axes_constant, axes_field
from edgeprune.kernels.base import KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.elementwise import in_place, read_pair
from edgeprune.kernels.operands import operand, params
from edgeprune.kernels.requant import activation_range, quantize_multiplier, scale_zero
from edgeprune.target.profile import Isa

LEFT_SHIFT = 20


def add_fields(op: Op, a: Tensor, b: Tensor, output: Tensor) -> dict[str, object]:
    """The C fields on scales: both inputs on one scale with 20 bits more, float64 throughout."""
    (a_scale, a_zero), (b_scale, b_zero), (out_scale, out_zero) = scale_zero(a), scale_zero(b), scale_zero(output)
    twice = 2 * max(a_scale, b_scale)
    in1, in2 = quantize_multiplier(a_scale / twice), quantize_multiplier(b_scale / twice)
    out = quantize_multiplier(twice / ((1 << LEFT_SHIFT) * out_scale))
    low, high = activation_range(op.attrs["activation"], output)
    return {
        "in1_multiplier": in1[0], "in1_shift": in1[1],
        "in2_multiplier": -in2[0] if op.kind is OpKind.SUB else in2[0], "in2_shift": in2[1],
        "out_multiplier": out[0], "out_shift": out[1],
        "in1_zero": a_zero, "in2_zero": b_zero, "out_zero": out_zero, "out_min": low, "out_max": high,
    }  # fmt: skip


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    pair = read_pair(graph, op, DType.INT8)
    in1, in2 = operand(graph, op, 0), operand(graph, op, 1)

    def definitions(s: Symbols) -> str:
        fields = {"axes": axes_field(s, "axes", pair.axes), "rank": len(pair.axes)}
        return params(s, "ep_add_t", fields | add_fields(op, pair.a, pair.b, pair.output))

    return KernelCall(
        function="ep_add_ref",
        emit=lambda s: f"ep_add_ref(&{s.layer}_params, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)});",
        sources=("ref/add.c",),
        headers=("ep_add.h",),
        constants=(axes_constant("axes", pair.axes), *in1.constants, *in2.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
        definitions=definitions,
    )


CANDIDATES = (_ref,)
