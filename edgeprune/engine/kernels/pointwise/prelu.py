"""PRELU: a slope per channel (or per element) below zero; int8 where the activations are int16, too."""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import activation_type, input_tensor, operand, output_tensor, params, plain_name
from edgeprune.engine.kernels.pointwise.elementwise import in_place, pair_of
from edgeprune.engine.kernels.requant import quantize_multiplier, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    dtype = activation_type(graph, op)
    function, slopes = plain_name("ep_prelu", dtype), input_tensor(graph, op, 1, DType.INT8)
    pair = pair_of(graph, op, input_tensor(graph, op, 0, dtype), slopes, output_tensor(graph, op, dtype))
    data, slope = operand(graph, op, 0), operand(graph, op, 1)

    def definitions(s: Symbols) -> str:
        (in_scale, in_zero), (slope_scale, slope_zero), (out_scale, out_zero) = map(
            scale_zero, (pair.a, pair.b, pair.output)
        )
        scale, divisor = np.float32(in_scale), np.float32(out_scale)
        above = quantize_multiplier(float(scale / divisor))
        below = quantize_multiplier(float(scale * np.float32(slope_scale) / divisor))
        fields = {
            "axes": axes_field(s, "axes", pair.axes), "rank": len(pair.axes),
            "above_multiplier": above[0], "above_shift": above[1],
            "below_multiplier": below[0], "below_shift": below[1],
            "in_zero": in_zero, "slope_zero": slope_zero, "out_zero": out_zero,
        }  # fmt: skip
        return params(s, "ep_prelu_t", fields)

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {data.expression(s)}, {slope.expression(s)}, {s.output(0)});",
        sources=("ref/prelu.c",),
        headers=("ep_prelu.h",),
        constants=(axes_constant("axes", pair.axes), *data.constants, *slope.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
        definitions=definitions,
    )


TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.PRELU: _ref}
