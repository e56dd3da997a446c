"""SELECT_V2: elements of one of two tensors by a condition, all three broadcast."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field, broadcast_three, check_axes
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types
from edgeprune.engine.kernels.operands import input_tensor, operand, output_tensor, params, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    condition = input_tensor(graph, op, 0, DType.BOOL)
    a, b, output = (*(input_tensor(graph, op, i, *ANY_TYPE) for i in (1, 2)), output_tensor(graph, op, *ANY_TYPE))
    check_types(graph, op, a, b, output)
    walks = broadcast_three((condition.shape, a.shape, b.shape), output.shape, a.dtype.size_bytes(1))
    require(graph, op, walks is not None, f"{condition.shape}, {a.shape} and {b.shape} into {output.shape}")
    assert walks is not None
    check_axes(graph, op, walks[0])
    operands = [operand(graph, op, index) for index in range(3)]

    def definitions(s: Symbols) -> str:
        fields = {
            "axes": axes_field(s, "axes", walks[0]), "axes2": axes_field(s, "axes2", walks[1]),
            "rank": len(walks[0]), "element_bytes": a.dtype.size_bytes(1),
        }  # fmt: skip
        return params(s, "ep_select_t", fields)

    def emit(s: Symbols) -> str:
        values = ", ".join(each.expression(s) for each in operands)
        return f"ep_select_ref(&{s.layer}_params, {values}, {s.output(0)});"

    return KernelCall(
        function="ep_select_ref",
        emit=emit,
        sources=("ref/select.c",),
        headers=("ep_select.h",),
        constants=(
            *(axes_constant(role, walk) for role, walk in zip(("axes", "axes2"), walks, strict=True)),
            *(constant for each in operands for constant in each.constants),
        ),
        work=Work(outputs=output.element_count),
        definitions=definitions,
    )


TYPES = ANY_TYPE
KERNELS = {OpKind.SELECT_V2: _ref}
