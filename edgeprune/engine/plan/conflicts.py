"""Conflicts between buffers, all in one form: an open interval the difference of their offsets must avoid.

Plain disjointness and the kernels' promises to work in place or diagonally (`kernels.base.Overlap`; Blacker, Bridges,
Hadfield 2020, arXiv:2010.01668) both take it. A promise counts only where the input dies at the op that makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.plan.lifetime import Buffer, Piece, align_up, extent_bytes
from edgeprune.ir import Graph


@dataclass(frozen=True)
class Conflict:
    """`offset[second] - offset[first]` must not lie strictly between `low_bytes` and `high_bytes`.

    Attributes:
        op: the first op at which both are alive.
        saving_bytes: the most a kernel's promise saves against disjoint placement; 0 without one.
    """

    first: int
    second: int
    low_bytes: int
    high_bytes: int
    op: int
    saving_bytes: int = 0


@dataclass(frozen=True)
class Problem:
    """Buffers, their conflicts, and per op the fewest bytes any placement needs while it runs.

    The last of `needed_bytes` is for reading the outputs after the last op.
    """

    buffers: tuple[Buffer, ...]
    conflicts: tuple[Conflict, ...]
    needed_bytes: tuple[int, ...]


def state_problem(graph: Graph, calls: Sequence[KernelCall], buffers: tuple[Buffer, ...]) -> Problem:
    """The placement problem of the buffers that `find_buffers` returns for this graph and these calls."""
    extents = extent_bytes(graph, calls)
    places = {
        tensor: (index, offset, extents[tensor])
        for index, buffer in enumerate(buffers)
        for tensor, offset in buffer.tensors.items()
    }
    return _problem(
        buffers,
        len(calls) + 1,
        lambda op: _promises(graph, calls[op], op, places, buffers) if op < len(calls) else {},
    )


def disjoint_problem(buffers: tuple[Buffer, ...], ops: int) -> Problem:
    """The placement problem of buffers that promise nothing, alive at ops 0..ops - 1."""
    return _problem(buffers, ops, lambda op: {})


def _problem(
    buffers: tuple[Buffer, ...], ops: int, promises_of: Callable[[int], dict[tuple[_Place, _Place], _Leads]]
) -> Problem:
    alive: list[list[tuple[int, Piece]]] = [[] for _ in range(ops)]
    for index, buffer in enumerate(buffers):
        for piece in buffer.pieces:
            for op in range(piece.first_op, piece.end_op):
                alive[op].append((index, piece))
    conflicts: list[Conflict] = []
    needed: list[int] = []
    for op, present in enumerate(alive):
        promises = promises_of(op)
        new = [
            conflict
            for position, (first, one) in enumerate(present)
            for second, other in present[:position]
            if first != second and op == max(one.first_op, other.first_op)
            for conflict in _conflicts(first, one, second, other, op, promises)
        ]
        conflicts += (conflict for conflict in new if conflict.low_bytes < conflict.high_bytes)
        saving = sum(conflict.saving_bytes for conflict in new)
        most = max((buffers[c.second].size_bytes for c in new if c.saving_bytes), default=0)
        needed.append(_live_bytes(present) - min(saving, most))
    return Problem(buffers, tuple(conflicts), tuple(needed))


_Place = tuple[int, int, int]  # buffer, offset in it, bytes


@dataclass(frozen=True)
class _Leads:
    """By how many bytes the output must lead to overlap one dying input; None where a direction is not promised.

    `same`: it may also start exactly where the input starts.
    """

    forward: int | None
    backward: int | None
    same: bool


def _promises(
    graph: Graph, call: KernelCall, op_index: int, places: Mapping[int, _Place], buffers: Sequence[Buffer]
) -> dict[tuple[_Place, _Place], _Leads]:
    """(input's place, output's place) -> leads, for inputs that are not read after this op."""
    if call.is_view or not call.overlaps:
        return {}
    op = graph.ops[op_index]
    output = places[op.outputs[0]]
    positions: dict[_Place, list[int]] = {}
    for position, tensor in enumerate(op.inputs):
        if tensor in places:
            positions.setdefault(places[tensor], []).append(position)
    leads: dict[tuple[_Place, _Place], _Leads] = {}
    for place, indices in positions.items():
        spans = {(p.offset_bytes, p.size_bytes): p.end_op for p in buffers[place[0]].pieces}
        if spans[place[1:]] == op_index + 1:
            leads[place, output] = _Leads(
                _lead(call, indices, "forward"),
                _lead(call, indices, "backward"),
                _lead(call, indices, "same") is not None,
            )
    if len(leads) > 1:
        # The kernel walks its output once: one direction for all inputs, the one more of them promise.
        forward = sum(lead.forward is not None for lead in leads.values())
        backward = sum(lead.backward is not None for lead in leads.values())
        return {
            key: _Leads(lead.forward, None, False) if forward >= backward else _Leads(None, lead.backward, False)
            for key, lead in leads.items()
        }
    return leads


def _lead(call: KernelCall, positions: Sequence[int], direction: str) -> int | None:
    """The lead that keeps the promise for every position a tensor is read at, None if one is not promised."""
    promised = {o.input_index: o.lead_bytes for o in call.overlaps if o.direction == direction}
    if any(position not in promised for position in positions):
        return None
    return max(promised[position] for position in positions)


def _conflicts(
    first: int, one: Piece, second: int, other: Piece, op: int, promises: Mapping[tuple[_Place, _Place], _Leads]
) -> tuple[Conflict, ...]:
    """Keeps two pieces disjoint, or at a promise's distance; two intervals leave only the same start free."""
    one_place = (first, one.offset_bytes, one.size_bytes)
    other_place = (second, other.offset_bytes, other.size_bytes)
    if (other_place, one_place) in promises:
        return _conflicts(second, other, first, one, op, promises)
    shift = one.offset_bytes - other.offset_bytes
    low, high = -align_up(other.size_bytes), align_up(one.size_bytes)
    leads = promises.get((one_place, other_place))
    # An output that was already alive (another part of its buffer) is not a fresh output: the promise does not cover
    # it.
    if leads is None or other.first_op != op:
        return (Conflict(first, second, shift + low, shift + high, op),)
    total = high - low
    if leads.forward is not None:
        low = max(low, -align_up(leads.forward))
    if leads.backward is not None:
        high = min(high, align_up(one.size_bytes + leads.backward - other.size_bytes))
    if leads.same and low < 0 < high:
        saving = total - max(align_up(one.size_bytes), align_up(other.size_bytes))
        return (
            Conflict(first, second, shift + low, shift, op, saving),
            Conflict(first, second, shift, shift + high, op),
        )
    saving = total - _extent(one.size_bytes, other.size_bytes, low, high)
    return (Conflict(first, second, shift + low, shift + high, op, saving),)


def _extent(input_bytes: int, output_bytes: int, low: int, high: int) -> int:
    """Fewest bytes input and output take together when `output - input` avoids `(low, high)`."""
    nested = (0, align_up(input_bytes - output_bytes))
    allowed = [low, high, *(d for d in nested if not low < d < high)]
    return min(max(align_up(input_bytes), d + align_up(output_bytes)) - min(0, d) for d in allowed)


def _live_bytes(present: Sequence[tuple[int, Piece]]) -> int:
    """Bytes alive at one op; what views share counts once."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for index, piece in present:
        spans.setdefault(index, []).append((piece.offset_bytes, piece.offset_bytes + align_up(piece.size_bytes)))
    total = 0
    for ranges in spans.values():
        reached = 0
        for start, end in sorted(ranges):
            total += max(0, end - max(start, reached))
            reached = max(reached, end)
    return total
