"""MUL, broadcasting included."""

from __future__ import annotations

import numpy as np

from edgeprune.ir import DType, Graph, Op
from edgeprune.kernels.axes import axes_constant, axes_field
from edgeprune.kernels.base import KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.elementwise import in_place, read_pair
from edgeprune.kernels.operands import operand, params
from edgeprune.kernels.requant import activation_range, quantize_multiplier, scale_zero
from edgeprune.target.profile import Isa


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    pair = read_pair(graph, op, DType.INT8)
    in1, in2 = operand(graph, op, 0), operand(graph, op, 1)

    def definitions(s: Symbols) -> str:
        (a_scale, a_zero), (b_scale, b_zero), (out_scale, out_zero) = map(scale_zero, (pair.a, pair.b, pair.output))
        real = np.float32(a_scale) * np.float32(b_scale) / np.float32(out_scale)  # LiteRT stays in float32 here
        multiplier, shift = quantize_multiplier(float(real))
        low, high = activation_range(op.attrs["activation"], pair.output)
        fields = {
            "axes": axes_field(s, "axes", pair.axes), "rank": len(pair.axes), "multiplier": multiplier, "shift": shift,
            "in1_zero": a_zero, "in2_zero": b_zero, "out_zero": out_zero, "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_mul_t", fields)

    return KernelCall(
        function="ep_mul_ref",
        emit=lambda s: f"ep_mul_ref(&{s.layer}_params, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)});",
        sources=("ref/mul.c",),
        headers=("ep_mul.h",),
        constants=(axes_constant("axes", pair.axes), *in1.constants, *in2.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
        definitions=definitions,
    )


CANDIDATES = (_ref,)
