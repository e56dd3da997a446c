"""ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM and SQUARED_DIFFERENCE of float32, broadcasting included; SQUARE.

Kinds that may have a fused activation are clamped to the finite floats without one too, as LiteRT does.
"""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import Operand, input_tensor, literal, operand, output_tensor, params
from edgeprune.engine.kernels.pointwise.elementwise import Pair, in_place, pair_of, read_pair
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Activation, DType, Graph, Op, OpKind

_MOST = float(np.finfo(np.float32).max)
RANGES = {
    Activation.NONE: (-_MOST, _MOST), Activation.RELU: (0.0, _MOST), Activation.RELU6: (0.0, 6.0),
    Activation.RELU_N1_TO_1: (-1.0, 1.0),
}  # fmt: skip
_KINDS = (
    OpKind.ADD, OpKind.SUB, OpKind.MUL, OpKind.DIV, OpKind.MAXIMUM, OpKind.MINIMUM, OpKind.SQUARED_DIFFERENCE,
)  # fmt: skip


def _square(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    """The product of a tensor with itself."""
    data = input_tensor(graph, op, 0, DType.FLOAT32)
    pair = pair_of(graph, op, data, data, output_tensor(graph, op, DType.FLOAT32))
    return _call(graph, op, "ep_mul_float_ref", pair, (operand(graph, op, 0),) * 2)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    pair = read_pair(graph, op, DType.FLOAT32)
    return _call(graph, op, f"ep_{op.kind.lower()}_float_ref", pair, (operand(graph, op, 0), operand(graph, op, 1)))


def _call(graph: Graph, op: Op, function: str, pair: Pair, operands: tuple[Operand, Operand]) -> KernelCall:
    in1, in2 = operands

    def definitions(s: Symbols) -> str:
        low, high = map(literal, RANGES[op.activation] if op.traits.takes_activation else (-np.inf, np.inf))
        fields = {"axes": axes_field(s, "axes", pair.axes), "rank": len(pair.axes)}
        return params(s, "ep_float_pair_t", fields | {"low": low, "high": high})

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)});",
        sources=("ref/float_pair.c",),
        headers=("ep_float.h",),
        constants=(axes_constant("axes", pair.axes), *in1.constants, *(in2.constants if in2 is not in1 else ())),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
        definitions=definitions,
    )


KERNELS = {**dict.fromkeys(_KINDS, _ref), OpKind.SQUARE: _square}
