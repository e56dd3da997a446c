"""MAXIMUM, MINIMUM, FLOOR_DIV and FLOOR_MOD of stored numbers, whatever their scales, broadcasting included."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.movement.views import check_types
from edgeprune.engine.kernels.operands import activation_type, operand, plain_name
from edgeprune.engine.kernels.pointwise.elementwise import in_place, read_pair
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind

_FUNCTIONS = {
    OpKind.MAXIMUM: ("ep_maximum", "maximum"), OpKind.MINIMUM: ("ep_minimum", "maximum"),
    OpKind.FLOOR_DIV: ("ep_floor_div", "floor_div"), OpKind.FLOOR_MOD: ("ep_floor_mod", "floor_div"),
}  # fmt: skip


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    dtype = activation_type(graph, op)
    pair = read_pair(graph, op, dtype if dtype in TYPES[op.kind] else DType.INT8)
    check_types(graph, op, pair.output, pair.a, pair.b)
    in1, in2 = operand(graph, op, 0), operand(graph, op, 1)
    name, file = _FUNCTIONS[op.kind]
    function = plain_name(name, dtype)

    def emit(s: Symbols) -> str:
        walk = f"{axes_field(s, 'axes', pair.axes)}, {len(pair.axes)}U"
        return f"{function}({walk}, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)});"

    return KernelCall(
        function=function,
        emit=emit,
        sources=(f"ref/{file}.c",),
        headers=(f"ep_{file}.h",),
        constants=(axes_constant("axes", pair.axes), *in1.constants, *in2.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
    )


_BOTH = (DType.INT8, DType.INT16)
TYPES = {
    OpKind.MAXIMUM: _BOTH, OpKind.MINIMUM: _BOTH, OpKind.FLOOR_DIV: (DType.INT8,), OpKind.FLOOR_MOD: (DType.INT8,),
}  # fmt: skip
KERNELS = dict.fromkeys(_FUNCTIONS, _ref)
