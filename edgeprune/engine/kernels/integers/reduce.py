"""SUM, REDUCE_PROD, REDUCE_MAX and REDUCE_MIN of int32 over any axes; CUMSUM."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.floats.reduce import reduction, running_sum
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    return reduction(graph, op, DType.INT32)


def _cumsum(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    return running_sum(graph, op, DType.INT32)


KERNELS = {
    **dict.fromkeys((OpKind.SUM, OpKind.REDUCE_PROD, OpKind.REDUCE_MAX, OpKind.REDUCE_MIN), _ref),
    OpKind.CUMSUM: _cumsum,
}
