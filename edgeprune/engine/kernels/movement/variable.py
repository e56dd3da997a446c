"""READ_VARIABLE and ASSIGN_VARIABLE: out of a state and into it."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.movement.moves import Side, box, move_call
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types
from edgeprune.engine.kernels.operands import require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op, OpKind


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = graph.tensors[op.inputs[0]], graph.output_of(op)
    check_types(graph, op, data, output)
    require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
    return move_call(graph, op, [box([data.element_count], Side([1]), Side([1]), data.dtype.size_bytes(1))])


TYPES = ANY_TYPE
KERNELS = {OpKind.READ_VARIABLE: _ref, OpKind.ASSIGN_VARIABLE: _ref}
