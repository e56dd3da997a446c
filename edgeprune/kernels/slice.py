"""SLICE and STRIDED_SLICE: a box of the input, maybe with steps or backwards."""

from __future__ import annotations

from math import prod

from edgeprune.ir import Graph, Op, OpKind
from edgeprune.kernels.axes import strides
from edgeprune.kernels.base import KernelCall, Optimize
from edgeprune.kernels.moves import box, move_call
from edgeprune.kernels.operands import require
from edgeprune.kernels.views import check_types
from edgeprune.target.profile import Isa


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = graph.input_of(op, 0), graph.output_of(op)
    require(graph, op, data is not None, "input 0 is missing")
    assert data is not None
    check_types(graph, op, data, output)
    begin = op.attrs["begin"]
    if op.kind is OpKind.SLICE:
        counts, step_counts = op.attrs["size"], (1,) * len(begin)
    else:
        step_counts = op.attrs["strides"]
        counts = tuple(
            max(0, -((first - last) // step))
            for first, last, step in zip(begin, op.attrs["end"], step_counts, strict=True)
        )
    require(graph, op, prod(counts) == output.element_count, f"{counts} of {data.shape} into {output.shape}")
    ends = [first + (count - 1) * step for first, count, step in zip(begin, counts, step_counts, strict=True)]
    inside = all(0 <= place < size for places in (begin, ends) for place, size in zip(places, data.shape, strict=True))
    require(graph, op, inside, f"places {begin} to {tuple(ends)} of {data.shape}")
    steps = strides(data.shape)
    move = box(
        counts,
        [step * count for step, count in zip(steps, step_counts, strict=True)],
        strides(counts),
        data.dtype.size_bytes(1),
        in_start=sum(first * step for first, step in zip(begin, steps, strict=True)),
    )
    return move_call(graph, op, [move])


CANDIDATES = (_ref,)
