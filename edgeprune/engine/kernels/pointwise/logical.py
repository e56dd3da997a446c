"""LOGICAL_AND, LOGICAL_OR and LOGICAL_NOT: the lesser or the greater of bytes that are 0 or 1, and the other one."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import input_tensor, operand, output_tensor
from edgeprune.engine.kernels.pointwise.elementwise import each_element, in_place, read_pair
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind


def _two(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    pair = read_pair(graph, op, DType.BOOL)
    in1, in2 = operand(graph, op, 0), operand(graph, op, 1)
    function = "ep_minimum_ref" if op.kind is OpKind.LOGICAL_AND else "ep_maximum_ref"

    def emit(s: Symbols) -> str:
        walk = f"{axes_field(s, 'axes', pair.axes)}, {len(pair.axes)}U"
        sides = ", ".join(f"(const int8_t *){side.expression(s)}" for side in (in1, in2))
        return f"{function}({walk}, {sides}, (int8_t *){s.output(0)});"

    return KernelCall(
        function=function,
        emit=emit,
        sources=("ref/maximum.c",),
        headers=("ep_maximum.h",),
        constants=(axes_constant("axes", pair.axes), *in1.constants, *in2.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
    )


def _not(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.BOOL), output_tensor(graph, op, DType.BOOL)
    return each_element(graph, op, data, output, "ep_not_ref", "compare")


TYPES = (DType.BOOL,)
KERNELS = {OpKind.LOGICAL_AND: _two, OpKind.LOGICAL_OR: _two, OpKind.LOGICAL_NOT: _not}
