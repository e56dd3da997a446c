"""MAXIMUM and MINIMUM, broadcasting included."""

from __future__ import annotations

from edgeprune.ir import DType, Graph, Op, OpKind
from edgeprune.kernels.axes import axes_constant, axes_field
from edgeprune.kernels.base import KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.elementwise import in_place, read_pair
from edgeprune.kernels.operands import operand
from edgeprune.kernels.views import check_types
from edgeprune.target.profile import Isa


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    pair = read_pair(graph, op, DType.INT8)
    check_types(graph, op, pair.output, pair.a, pair.b)
    in1, in2 = operand(graph, op, 0), operand(graph, op, 1)
    function = "ep_maximum_ref" if op.kind is OpKind.MAXIMUM else "ep_minimum_ref"

    def emit(s: Symbols) -> str:
        walk = f"{axes_field(s, 'axes', pair.axes)}, {len(pair.axes)}U"
        return f"{function}({walk}, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)});"

    return KernelCall(
        function=function,
        emit=emit,
        sources=("ref/maximum.c",),
        headers=("ep_maximum.h",),
        constants=(axes_constant("axes", pair.axes), *in1.constants, *in2.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
    )


CANDIDATES = (_ref,)
