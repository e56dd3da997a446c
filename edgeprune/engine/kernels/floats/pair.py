"""ADD, SUB, MUL, DIV, MAXIMUM and MINIMUM of float32, broadcasting included."""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import operand, params
from edgeprune.engine.kernels.pointwise.elementwise import in_place, read_pair
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Activation, DType, Graph, Op, OpKind

_MOST = float(np.finfo(np.float32).max)
_RANGES = {
    Activation.NONE: (-_MOST, _MOST), Activation.RELU: (0.0, _MOST), Activation.RELU6: (0.0, 6.0),
    Activation.RELU_N1_TO_1: (-1.0, 1.0),
}  # fmt: skip
_KINDS = (OpKind.ADD, OpKind.SUB, OpKind.MUL, OpKind.DIV, OpKind.MAXIMUM, OpKind.MINIMUM)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    pair = read_pair(graph, op, DType.FLOAT32)
    in1, in2 = operand(graph, op, 0), operand(graph, op, 1)
    function = f"ep_{op.kind.lower()}_float_ref"

    def definitions(s: Symbols) -> str:
        low, high = _RANGES[op.activation]
        fields = {"axes": axes_field(s, "axes", pair.axes), "rank": len(pair.axes)}
        return params(s, "ep_float_pair_t", fields | {"low": f"{low:.9e}F", "high": f"{high:.9e}F"})

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)});",
        sources=("ref/float_pair.c",),
        headers=("ep_float.h",),
        constants=(axes_constant("axes", pair.axes), *in1.constants, *in2.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
        definitions=definitions,
    )


KERNELS = dict.fromkeys(_KINDS, _ref)
