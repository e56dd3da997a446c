"""ADD, SUB, MUL, MAXIMUM and MINIMUM of int32; BITWISE_XOR and RIGHT_SHIFT of stored numbers; broadcasting included."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import input_tensor, operand, params
from edgeprune.engine.kernels.pointwise.elementwise import in_place, read_pair
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Activation, DType, Graph, Op, OpKind

_RANGES = {
    Activation.NONE: (-(1 << 31), (1 << 31) - 1), Activation.RELU: (0, (1 << 31) - 1), Activation.RELU6: (0, 6),
    Activation.RELU_N1_TO_1: (-1, 1),
}  # fmt: skip
_NUMBERS = (OpKind.ADD, OpKind.SUB, OpKind.MUL, OpKind.MAXIMUM, OpKind.MINIMUM)
_BITS = (OpKind.BITWISE_XOR, OpKind.RIGHT_SHIFT)
_STORED = (DType.INT8, DType.INT16, DType.INT32)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    dtype = input_tensor(graph, op, 0, *(_STORED if op.kind in _BITS else (DType.INT32,))).dtype
    pair, in1, in2 = read_pair(graph, op, dtype), operand(graph, op, 0), operand(graph, op, 1)
    function = f"ep_{op.kind.lower()}_{dtype}_ref"

    def definitions(s: Symbols) -> str:
        low, high = _RANGES[op.activation if op.traits.takes_activation else Activation.NONE]
        fields = {"axes": axes_field(s, "axes", pair.axes), "rank": len(pair.axes)}
        return params(s, "ep_integer_pair_t", fields | {"low": "INT32_MIN" if low < -1 else low, "high": high})

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)});",
        sources=("ref/integer_pair.c",),
        headers=("ep_integer_pair.h",),
        constants=(axes_constant("axes", pair.axes), *in1.constants, *in2.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
        definitions=definitions,
    )


STORED = dict.fromkeys(_BITS, _STORED)
"""Kinds that take any whole numbers as they are stored."""
KERNELS = dict.fromkeys((*_NUMBERS, *_BITS), _ref)
