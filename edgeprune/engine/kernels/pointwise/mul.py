"""MUL, broadcasting included."""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import activation_type, operand, params, plain_name
from edgeprune.engine.kernels.pointwise.elementwise import in_place, read_pair
from edgeprune.engine.kernels.requant import activation_range, quantize_multiplier, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    pair = read_pair(graph, op, activation_type(graph, op))
    function = plain_name("ep_mul", pair.a.dtype)
    in1, in2 = operand(graph, op, 0), operand(graph, op, 1)

    def definitions(s: Symbols) -> str:
        (a_scale, a_zero), (b_scale, b_zero), (out_scale, out_zero) = map(scale_zero, (pair.a, pair.b, pair.output))
        real = np.float32(a_scale) * np.float32(b_scale) / np.float32(out_scale)  # LiteRT stays in float32 here
        multiplier, shift = quantize_multiplier(float(real))
        low, high = activation_range(op.activation, pair.output)
        fields = {
            "axes": axes_field(s, "axes", pair.axes), "rank": len(pair.axes), "multiplier": multiplier, "shift": shift,
            "in1_zero": a_zero, "in2_zero": b_zero, "out_zero": out_zero, "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_mul_t", fields)

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)});",
        sources=("ref/mul.c",),
        headers=("ep_mul.h",),
        constants=(axes_constant("axes", pair.axes), *in1.constants, *in2.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
        definitions=definitions,
    )


TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.MUL: _ref}
