"""SPLIT, SPLIT_V and UNPACK: one input cut along an axis."""

from __future__ import annotations

from math import prod

from edgeprune.ir import Graph, Op, OpKind
from edgeprune.kernels.axes import strides
from edgeprune.kernels.base import KernelCall, Optimize
from edgeprune.kernels.moves import Move, box, move_call
from edgeprune.kernels.operands import require
from edgeprune.kernels.views import check_types, splits_in_place, view_call
from edgeprune.target.profile import Isa


def _with_axis(op: Op, shape: tuple[int, ...]) -> tuple[int, ...]:
    """An output's shape as it lies in the input; UNPACK's outputs have lost the axis."""
    axis = op.attrs["axis"]
    return (*shape[:axis], 1, *shape[axis:]) if op.kind is OpKind.UNPACK else shape


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    axis, data = op.attrs["axis"], graph.input_of(op, 0)
    require(graph, op, data is not None, "input 0 is missing")
    assert data is not None
    outputs = [graph.output_of(op, index) for index in range(len(op.outputs))]
    check_types(graph, op, data, *outputs)
    parts = [_with_axis(op, output.shape) for output in outputs]
    same_rank = all(len(part) == len(data.shape) for part in parts)
    whole = sum(part[axis] for part in parts) if same_rank else 0
    fits = same_rank and all((*part[:axis], whole, *part[axis + 1 :]) == data.shape for part in parts)
    require(graph, op, fits, f"{data.shape} into {[output.shape for output in outputs]}")
    if prod(data.shape[:axis]) == 1 and splits_in_place(graph, op):
        return view_call()
    steps, start = strides(data.shape), 0
    moves: list[Move] = []
    for index, part in enumerate(parts):
        element_bytes = data.dtype.size_bytes(1)
        moves.append(box(part, steps, strides(part), element_bytes, target=index, in_start=start * steps[axis]))
        start += part[axis]
    return move_call(graph, op, moves)


CANDIDATES = (_ref,)
