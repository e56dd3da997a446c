"""SPLIT, SPLIT_V and UNPACK: one input cut along an axis."""

from __future__ import annotations

from math import prod

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import strides
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.movement.moves import Move, Side, box, move_call
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types, splits_in_place, view_call
from edgeprune.engine.kernels.operands import require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import AxisAttrs, Graph, Op, OpKind, attrs_of


def _with_axis(op: Op, shape: tuple[int, ...]) -> tuple[int, ...]:
    """An output's shape as it lies in the input; UNPACK's outputs have lost the axis."""
    axis = attrs_of(op, AxisAttrs).axis
    return (*shape[:axis], 1, *shape[axis:]) if op.kind is OpKind.UNPACK else shape


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    axis, data = attrs_of(op, AxisAttrs).axis, graph.input_of(op, 0)
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
        source, target = Side(steps, start * steps[axis]), Side(strides(part), index=index)
        moves.append(box(part, source, target, element_bytes))
        start += part[axis]
    return move_call(graph, op, moves)


TYPES = ANY_TYPE
KERNELS = dict.fromkeys((OpKind.SPLIT, OpKind.SPLIT_V, OpKind.UNPACK), _ref)
