"""TILE and BROADCAST_TO: the input again and again along some axes."""

from __future__ import annotations

from math import prod

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import strides
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.movement.moves import Side, box, move_call
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types
from edgeprune.engine.kernels.operands import require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op, OpKind


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = graph.tensors[op.inputs[0]], graph.output_of(op)
    check_types(graph, op, data, output)
    fits = len(data.shape) <= len(output.shape)
    shape = (1,) * (len(output.shape) - len(data.shape)) + data.shape
    one_or_all = all(size in (1, whole) for size, whole in zip(shape, output.shape, strict=False))
    whole_times = fits and all(size > 0 and whole % size == 0 for size, whole in zip(shape, output.shape, strict=True))
    require(graph, op, whole_times and (op.kind is OpKind.TILE or one_or_all), f"{data.shape} into {output.shape}")
    # each axis as repeats of itself: (repeats, size), of which the input has the second alone
    finer = [part for size, whole in zip(shape, output.shape, strict=True) for part in (whole // size, size)]
    source = [part for step in strides(shape) for part in (0, step)]
    target = strides(finer)
    assert prod(finer) == output.element_count
    return move_call(graph, op, [box(finer, Side(source), Side(target), data.dtype.size_bytes(1))])


TYPES = ANY_TYPE
KERNELS = {OpKind.TILE: _ref, OpKind.BROADCAST_TO: _ref}
