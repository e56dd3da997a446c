"""Where the line buffers and the layers' scratch of a flow lie, in scratch of the stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from edgeprune.engine.plan.conflicts import Problem, disjoint_problem
from edgeprune.engine.plan.lifetime import ALIGN_BYTES, Buffer, Piece, align_up
from edgeprune.engine.plan.place import arena_bytes, greedy, place
from edgeprune.engine.plan.stage.flow import Flow, Held, simulate

_EDGE_COUNTERS_BYTES, _LAYER_COUNTER_BYTES = 4, 2


@dataclass(frozen=True)
class Layout:
    """Offsets in the stage's scratch; counters lie at its start.

    Attributes:
        edge_offset_bytes: per edge.
        scratch_offset_bytes: per layer; 0 for one without scratch.
        scratch_bytes: of the stage.
    """

    edge_offset_bytes: tuple[int, ...]
    scratch_offset_bytes: tuple[int, ...]
    scratch_bytes: int


def lay_out(flow: Flow, held: Held, placing: Callable[[Problem], tuple[int, ...]] = place) -> Layout:
    """Rows of a line buffer lie at its front, so those further back are free while few are held."""
    events = len(flow.layers) + 1
    buffers = []
    for edge, rows in zip(flow.edges, held.rows, strict=True):
        pieces = tuple(
            _row(slot, edge.row_bytes, first, end)
            for slot in range(max(rows))
            for first, end in _spans([most > slot for most in rows])
        )
        buffers.append(Buffer(align_up(max(rows) * edge.row_bytes), pieces, {}))
    scratched = [index for index, layer in enumerate(flow.layers) if layer.call.scratch_bytes]
    for index in scratched:
        size_bytes = flow.layers[index].call.scratch_bytes
        life = (0, events) if flow.layers[index].sums else (index + 1, index + 2)
        buffers.append(Buffer(align_up(size_bytes), (Piece(0, size_bytes, *life),), {}))
    problem = disjoint_problem(tuple(buffers), events)
    counters_bytes = align_up(_EDGE_COUNTERS_BYTES * len(flow.edges) + _LAYER_COUNTER_BYTES * len(flow.layers))
    placed = placing(problem)
    offsets = [counters_bytes + offset for offset in placed]
    edges = len(flow.edges)
    scratch = dict(zip(scratched, offsets[edges:], strict=True))
    return Layout(
        tuple(offsets[:edges]),
        tuple(scratch.get(index, 0) for index in range(len(flow.layers))),
        counters_bytes + arena_bytes(problem, placed),
    )


def quick_place(problem: Problem) -> tuple[int, ...]:
    """A placement close to the best one, in milliseconds."""
    return greedy(problem, max(problem.needed_bytes))


def fullest_bytes(flow: Flow) -> int:
    """The most bytes a flow holds at once, beside its input and output; a longer flow never holds less."""
    held = simulate(flow, 0)
    fullest = 0
    for event in range(len(flow.layers) + 1):
        rows = sum(held.rows[e][event] * edge.row_bytes for e, edge in enumerate(flow.edges))
        scratch = sum(layer.call.scratch_bytes for i, layer in enumerate(flow.layers) if layer.sums or event == i + 1)
        fullest = max(fullest, rows + scratch)
    return fullest


def _row(slot: int, row_bytes: int, first: int, end: int) -> Piece:
    start = slot * row_bytes // ALIGN_BYTES * ALIGN_BYTES
    return Piece(start, align_up((slot + 1) * row_bytes) - start, first, end)


def _spans(alive: list[bool]) -> list[tuple[int, int]]:
    """Half-open runs of True."""
    runs, at = [], 0
    for is_alive, run in groupby(alive):
        length = len(list(run))
        if is_alive:
            runs.append((at, at + length))
        at += length
    return runs
