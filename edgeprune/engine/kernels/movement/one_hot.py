"""ONE_HOT: a row for each index, one value at its place and another elsewhere."""

from __future__ import annotations

from math import prod

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types
from edgeprune.engine.kernels.operands import input_tensor, operand, params, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import AxisAttrs, DType, Graph, Op, OpKind, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    indices, output = input_tensor(graph, op, 0, DType.INT32), graph.output_of(op)
    on, off = input_tensor(graph, op, 1, *ANY_TYPE), input_tensor(graph, op, 2, *ANY_TYPE)
    check_types(graph, op, on, off, output)
    axis, shape = attrs_of(op, AxisAttrs).axis, output.shape
    fits = indices.shape == (*shape[:axis], *shape[axis + 1 :]) and on.element_count == off.element_count == 1
    require(graph, op, fits, f"{indices.shape} into {shape} along axis {axis}")
    operands = [operand(graph, op, index) for index in range(3)]

    def definitions(s: Symbols) -> str:
        fields = {
            "outer": prod(shape[:axis]), "depth": shape[axis], "inner": prod(shape[axis + 1 :]),
            "element_bytes": output.dtype.size_bytes(1),
        }  # fmt: skip
        return params(s, "ep_one_hot_t", fields)

    def emit(s: Symbols) -> str:
        return f"ep_one_hot_ref(&{s.layer}_params, {', '.join(e.expression(s) for e in operands)}, {s.output(0)});"

    return KernelCall(
        function="ep_one_hot_ref",
        emit=emit,
        sources=("ref/one_hot.c",),
        headers=("ep_one_hot.h",),
        constants=tuple(constant for each in operands for constant in each.constants),
        work=Work(outputs=output.element_count),
        definitions=definitions,
    )


TYPES = ANY_TYPE
KERNELS = {OpKind.ONE_HOT: _ref}
