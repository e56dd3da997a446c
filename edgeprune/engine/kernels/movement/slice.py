"""SLICE and STRIDED_SLICE: a box of the input, maybe with steps or backwards."""

from __future__ import annotations

from math import prod

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import strides
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.movement.moves import Side, box, move_call
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types
from edgeprune.engine.kernels.operands import require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op, OpKind, SliceAttrs, StridedSliceAttrs, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = graph.input_of(op, 0), graph.output_of(op)
    require(graph, op, data is not None, "input 0 is missing")
    assert data is not None
    check_types(graph, op, data, output)
    if op.kind is OpKind.SLICE:
        attrs = attrs_of(op, SliceAttrs)
        begin, counts, step_counts = attrs.begin, attrs.size, attrs.strides
    else:
        strided = attrs_of(op, StridedSliceAttrs)
        begin, step_counts = strided.begin, strided.strides
        counts = tuple(
            max(0, -((first - last) // step)) for first, last, step in zip(begin, strided.end, step_counts, strict=True)
        )
    require(graph, op, prod(counts) == output.element_count, f"{counts} of {data.shape} into {output.shape}")
    ends = [first + (count - 1) * step for first, count, step in zip(begin, counts, step_counts, strict=True)]
    inside = all(0 <= place < size for places in (begin, ends) for place, size in zip(places, data.shape, strict=True))
    require(graph, op, inside, f"places {begin} to {tuple(ends)} of {data.shape}")
    steps = strides(data.shape)
    source = Side(
        [step * count for step, count in zip(steps, step_counts, strict=True)],
        sum(first * step for first, step in zip(begin, steps, strict=True)),
    )
    return move_call(graph, op, [box(counts, source, Side(strides(counts)), data.dtype.size_bytes(1))])


TYPES = ANY_TYPE
KERNELS = {OpKind.SLICE: _ref, OpKind.STRIDED_SLICE: _ref}
