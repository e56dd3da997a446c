"""Which arena bytes are alive when.

An op index counts calls in execution order; lives are half-open, `[first_op, end_op)`. Graph inputs are written before
op 0; graph outputs are read after the last of n ops, which counts as op n; state, and an activation that nothing
writes, lives for ever, `[0, n + 1)`.
Tensors that are views of one another, or placed inside one another, move together: they are one `Buffer`, a rigid body
of `Piece`s, each with its own life.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeprune.engine.kernels.base import KernelCall
from edgeprune.errors import PlanError
from edgeprune.ir import Graph

ALIGN_BYTES = 4


@dataclass(frozen=True)
class Piece:
    """Bytes `[offset_bytes, offset_bytes + size_bytes)` of a buffer, alive over `[first_op, end_op)`."""

    offset_bytes: int
    size_bytes: int
    first_op: int
    end_op: int


@dataclass(frozen=True)
class Buffer:
    """Bytes that move together.

    Attributes:
        size_bytes: extent, a multiple of `ALIGN_BYTES`.
        pieces: what is alive in it, when.
        tensors: tensor index -> offset inside the buffer; empty for scratch.
        scratch_op: the op this is the scratch of, None for tensors.
    """

    size_bytes: int
    pieces: tuple[Piece, ...]
    tensors: Mapping[int, int]
    scratch_op: int | None = None


def find_buffers(graph: Graph, calls: Sequence[KernelCall]) -> tuple[Buffer, ...]:
    """Everything the arena has to hold for a graph and the calls of its ops (`len(calls) == len(graph.ops)`).

    Raises:
        PlanError: views that contradict each other.
    """
    lives = _lives(graph, len(calls))
    body = {tensor: tensor for tensor in lives}
    offset = dict.fromkeys(lives, 0)
    members = {tensor: [tensor] for tensor in lives}

    def join(anchor: int, tensor: int, distance: int) -> None:
        shift = offset[anchor] + distance - offset[tensor]
        if body[anchor] == body[tensor]:
            if shift:
                raise PlanError(
                    f"views place tensor {graph.tensors[tensor].name!r} at two offsets, {shift} B from each other"
                )
            return
        moved = members.pop(body[tensor])
        for member in moved:
            body[member] = body[anchor]
            offset[member] += shift
        members[body[anchor]] += moved

    for op, call in zip(graph.ops, calls, strict=True):
        for part in call.placed:
            join(op.outputs[0], op.inputs[part.input_index], part.offset_bytes)
        if call.is_view and not call.placed:
            inputs = [tensor for tensor in op.inputs if tensor in lives]
            if not inputs:
                raise PlanError(f"{op.name} is a view of no activation")
            for side in (inputs, op.outputs):
                distance = 0
                for tensor in side:
                    join(inputs[0], tensor, distance)
                    distance += graph.tensors[tensor].size_bytes

    extents = extent_bytes(graph, calls)
    buffers: list[Buffer] = []
    for group in members.values():
        base = min(offset[tensor] for tensor in group)
        tensors = {tensor: offset[tensor] - base for tensor in group}
        spans: dict[tuple[int, int], tuple[int, int]] = {}
        for tensor, start in tensors.items():
            span = (start, extents[tensor])
            first, end = spans.get(span, lives[tensor])
            spans[span] = (min(first, lives[tensor][0]), max(end, lives[tensor][1]))
        pieces = tuple(Piece(*span, *life) for span, life in spans.items())
        extent = align_up(max(piece.offset_bytes + piece.size_bytes for piece in pieces))
        buffers.append(Buffer(extent, pieces, tensors))
    for op_index, call in enumerate(calls):
        if call.scratch_bytes:
            piece = Piece(0, call.scratch_bytes, op_index, op_index + 1)
            buffers.append(Buffer(align_up(call.scratch_bytes), (piece,), {}, op_index))
    return tuple(buffers)


def extent_bytes(graph: Graph, calls: Sequence[KernelCall]) -> list[int]:
    """By tensor, from its first byte to its last: its size, or more where it is `Placed` inside another."""
    extents = [tensor.size_bytes for tensor in graph.tensors]
    for op, call in zip(graph.ops, calls, strict=True):
        for part in call.placed:
            tensor = op.inputs[part.input_index]
            runs = graph.tensors[tensor].size_bytes // part.run_bytes
            extents[tensor] = (runs - 1) * part.step_bytes + part.run_bytes
    return extents


def align_up(size_bytes: int) -> int:
    """The next multiple of `ALIGN_BYTES`, negative values towards zero."""
    return -(-size_bytes // ALIGN_BYTES) * ALIGN_BYTES


def _lives(graph: Graph, op_count: int) -> dict[int, tuple[int, int]]:
    """Activation tensor -> [first_op, end_op)."""
    used = {t for op in graph.ops for t in (*op.inputs, *op.outputs) if t >= 0} | {*graph.inputs, *graph.outputs}
    lives = {}
    for tensor in sorted(used):
        if graph.tensors[tensor].is_constant:
            continue
        producer = graph.producer.get(tensor)
        is_state = graph.tensors[tensor].is_variable or (producer is None and tensor not in graph.inputs)
        first = 0 if producer is None or is_state else producer
        readers = graph.consumers.get(tensor, ())
        end = op_count + 1 if is_state or tensor in graph.outputs else max((*readers, first)) + 1
        lives[tensor] = (first, end)
    return lives
