"""Offsets for buffers: greedy orders repaired by a local search, then an exact search where a gap to the bound is left.

Everything is deterministic and counted in steps, never in seconds: the same problem gives the same arena before and
after training.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.engine.plan.conflicts import Problem
from edgeprune.engine.plan.exact import improve

_REPAIR_ROUNDS = 40
_EXACT_STEPS = 20_000
_EXACT_BUFFERS = 64


def place(problem: Problem) -> tuple[int, ...]:
    """Offset of each buffer in bytes, multiples of the alignment; the arena ends where the highest buffer ends."""
    if not problem.buffers:
        return ()
    bound = max(problem.needed_bytes)
    best = greedy(problem, bound)
    if arena_bytes(problem, best) > bound and len(problem.buffers) <= _EXACT_BUFFERS:
        best = improve(problem, best, bound, _EXACT_STEPS)
    return best


def arena_bytes(problem: Problem, offsets: Sequence[int]) -> int:
    """Where the highest buffer ends."""
    return max((o + b.size_bytes for o, b in zip(offsets, problem.buffers, strict=True)), default=0)


def greedy(problem: Problem, bound: int) -> tuple[int, ...]:
    """The best first-fit placement of a few orders, each repaired by moving the buffer that sticks out to the front."""
    sizes = [buffer.size_bytes for buffer in problem.buffers]
    neighbours = _neighbours(problem)
    best: tuple[int, ...] = ()
    best_bytes = sum(sizes) + 1
    for order in _orders(problem):
        seen: set[int] = set()
        for _ in range(_REPAIR_ROUNDS):
            offsets = _first_fit(order, neighbours)
            top = max(range(len(sizes)), key=lambda b: offsets[b] + sizes[b])
            arena = offsets[top] + sizes[top]
            if arena < best_bytes:
                best, best_bytes = tuple(offsets), arena
                if best_bytes <= bound:
                    return best
            if top in seen:
                break
            seen.add(top)
            order.remove(top)
            order.insert(0, top)
    return best


def _orders(problem: Problem) -> list[list[int]]:
    """By size, by the fullest op each buffer is alive at, by size times life, by birth, by death."""
    buffers = problem.buffers
    everyone = range(len(buffers))
    first = [min(piece.first_op for piece in buffer.pieces) for buffer in buffers]
    end = [max(piece.end_op for piece in buffer.pieces) for buffer in buffers]
    fullest = [max(problem.needed_bytes[first[b] : end[b]]) for b in everyone]
    size = [buffer.size_bytes for buffer in buffers]
    return [
        sorted(everyone, key=lambda b: (-size[b], first[b])),
        sorted(everyone, key=lambda b: (-fullest[b], -size[b])),
        sorted(everyone, key=lambda b: (-fullest[b], -end[b])),
        sorted(everyone, key=lambda b: (-size[b] * (end[b] - first[b]), first[b])),
        sorted(everyone, key=lambda b: (first[b], -size[b])),
        sorted(everyone, key=lambda b: (-end[b], -size[b])),
    ]


_Neighbours = list[
    list[tuple[int, int, int]]
]  # per buffer: (other, low, high), own offset - other's outside (low, high)


def _neighbours(problem: Problem) -> _Neighbours:
    neighbours: _Neighbours = [[] for _ in problem.buffers]
    for conflict in problem.conflicts:
        neighbours[conflict.second].append((conflict.first, conflict.low_bytes, conflict.high_bytes))
        neighbours[conflict.first].append((conflict.second, -conflict.high_bytes, -conflict.low_bytes))
    return neighbours


def _first_fit(order: Sequence[int], neighbours: _Neighbours) -> list[int]:
    """Each buffer in turn at the lowest offset those already placed allow."""
    offsets = [-1] * len(neighbours)
    for buffer in order:
        spans = sorted((offsets[o] + low, offsets[o] + high) for o, low, high in neighbours[buffer] if offsets[o] >= 0)
        offset = 0
        for start, end in spans:
            if start < offset < end:
                offset = end
        offsets[buffer] = offset
    return offsets
