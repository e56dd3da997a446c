"""CONCATENATION and PACK: inputs side by side along one axis, copied there or written there in the first place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from math import prod

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import strides
from edgeprune.engine.kernels.base import KernelCall, Placed
from edgeprune.engine.kernels.movement.moves import Move, Side, box, move_call
from edgeprune.engine.kernels.movement.views import (
    ANY_TYPE,
    VIEW_ALIGN_BYTES,
    check_same,
    concatenates_in_place,
    view_call,
)
from edgeprune.engine.kernels.operands import place, require
from edgeprune.errors import UnsupportedOp
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Activation, AxisAttrs, Graph, Op, OpKind, Tensor, attrs_of


def _parts(graph: Graph, op: Op) -> list[tuple[int, ...]]:
    """Shapes of the inputs as they lie in the output; PACK's have length one on the new axis."""
    axis, shapes = attrs_of(op, AxisAttrs).axis, []
    for index in range(len(op.inputs)):
        tensor = graph.input_of(op, index)
        require(graph, op, tensor is not None, f"input {index} is missing")
        assert tensor is not None
        shape = tensor.shape
        shapes.append((*shape[:axis], 1, *shape[axis:]) if op.kind is OpKind.PACK else shape)
    return shapes


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    axis, output, parts = attrs_of(op, AxisAttrs).axis, graph.output_of(op), _parts(graph, op)
    tensors: list[Tensor] = [graph.tensors[index] for index in op.inputs]
    check_same(graph, op, output, *tensors)
    if op.activation is not Activation.NONE:
        raise UnsupportedOp(f"{place(graph, op)}: a fused activation")
    same_rank = all(len(part) == len(output.shape) for part in parts)
    whole = sum(part[axis] for part in parts) if same_rank else 0
    fits = same_rank and all((*part[:axis], whole, *part[axis + 1 :]) == output.shape for part in parts)
    require(graph, op, fits, f"{[tensor.shape for tensor in tensors]} into {output.shape}")
    if prod(output.shape[:axis]) == 1 and concatenates_in_place(graph, op):
        return view_call()
    return move_call(graph, op, _moves(graph, op, range(len(parts))))


def _moves(graph: Graph, op: Op, wanted: Collection[int]) -> list[Move]:
    """Of the `wanted` inputs to their places."""
    axis, output = attrs_of(op, AxisAttrs).axis, graph.output_of(op)
    steps, start = strides(output.shape), 0
    moves: list[Move] = []
    for index, part in enumerate(_parts(graph, op)):
        element_bytes = output.dtype.size_bytes(1)
        if index in wanted:
            target = Side(steps, start * steps[axis])
            moves.append(box(part, Side(strides(part), index=index), target, element_bytes))
        start += part[axis]
    return moves


def place_channels(graph: Graph, calls: Sequence[KernelCall]) -> tuple[KernelCall, ...]:
    """`calls`, but what is concatenated along the channels is written where it belongs, where its makers can."""
    chosen = list(calls)
    for position, op in enumerate(graph.ops):
        if op.kind is not OpKind.CONCATENATION or chosen[position].is_view:
            continue
        output = graph.output_of(op)
        pixel_bytes, start = output.dtype.size_bytes(output.shape[-1]), 0
        if attrs_of(op, AxisAttrs).axis != len(output.shape) - 1:
            continue
        placed: list[Placed] = []
        for index, tensor in enumerate(op.inputs):
            run_bytes = output.dtype.size_bytes(graph.tensors[tensor].shape[-1])
            call = _spread(graph, calls, tensor, position, pixel_bytes) if start % VIEW_ALIGN_BYTES == 0 else None
            if call is not None:
                chosen[graph.producer[tensor]] = call
                placed.append(Placed(index, start, run_bytes, pixel_bytes))
            start += run_bytes
        if placed:
            rest = set(range(len(op.inputs))) - {part.input_index for part in placed}
            copying = move_call(graph, op, _moves(graph, op, rest)) if rest else view_call()
            chosen[position] = replace(copying, placed=tuple(placed))
    return tuple(chosen)


def _spread(graph: Graph, calls: Sequence[KernelCall], tensor: int, reader: int, pixel_bytes: int) -> KernelCall | None:
    """The call that writes `tensor` with its pixels that far apart; None where it cannot, or others read it, too."""
    producer = graph.producer.get(tensor)
    if producer is None or tensor in graph.outputs or graph.ops[reader].inputs.count(tensor) != 1:
        return None
    spread = calls[producer].spread
    if graph.tensors[tensor].is_variable:
        return None
    return spread(pixel_bytes) if spread is not None and set(graph.consumers[tensor]) == {reader} else None


TYPES = ANY_TYPE
KERNELS = {OpKind.CONCATENATION: _ref, OpKind.PACK: _ref}
