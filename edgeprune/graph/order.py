"""The order of operators that needs the least memory, where branches leave a choice."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from edgeprune.graph.edit import RESHAPES
from edgeprune.ir import Graph

_MOST_STATES = 4000


def least_memory_order(graph: Graph) -> Graph:
    """The graph with its operators in the order that keeps fewest bytes alive at its worst moment.

    Every reachable set of finished operators is a node, an operator that may run next an edge, the bytes alive while it
    runs its length; the path whose longest edge is shortest is found by Dijkstra's algorithm (the states are those of
    Ahn et al., "Ordering Chaos: Memory-Aware Scheduling of Irregularly Wired Neural Networks for Edge Devices", MLSys
    2020, arXiv:2003.02369). Sharing of bytes between an operator's input and output is left to the planner, but a view
    takes none.

    Returns:
        The same object where no order is better, where there is too much choice, and for recurrent networks, whose
        state ties operators that no tensor ties.
    """
    if any(tensor.is_variable for tensor in graph.tensors):
        return graph
    memory = _Memory(graph)
    given = max(memory.peaks(range(len(graph.ops))), default=0)
    best = _search(graph, memory, given)
    return graph if best is None else graph.with_ops(tuple(graph.ops[index] for index in best))


class _Memory:
    """Bytes alive around each operator, by sets of finished operators (bit k: operator k)."""

    def __init__(self, graph: Graph):
        self._root: dict[int, int] = {}  # view -> tensor whose bytes it reads
        for op in graph.ops:
            if op.kind in RESHAPES:
                self._root[op.outputs[0]] = self._root.get(op.inputs[0], op.inputs[0])
        self._size: dict[int, int] = {}
        self._made: dict[int, int] = {}  # tensor -> bits that make it, 0 for an input
        self._read: dict[int, int] = {}  # tensor -> bits that must be finished before it may go
        self.needs = [0] * len(graph.ops)
        self.touched: list[set[int]] = [set() for _ in graph.ops]
        forever = 1 << len(graph.ops)
        for tensor in graph.inputs:
            self._add(graph, tensor, 0)
        for position, op in enumerate(graph.ops):
            for tensor in op.outputs:
                if tensor not in self._root:
                    self._add(graph, tensor, 1 << position)
        for position, op in enumerate(graph.ops):
            for tensor in (*op.inputs, *op.outputs):
                root = self._root.get(tensor, tensor)
                if root in self._size:
                    self._read[root] |= 1 << position
                    self.touched[position].add(root)
            for tensor in op.inputs:
                if tensor in graph.producer:
                    self.needs[position] |= 1 << graph.producer[tensor]
        for tensor in graph.outputs:
            root = self._root.get(tensor, tensor)
            if root in self._size:
                self._read[root] |= forever

    def _add(self, graph: Graph, tensor: int, made: int) -> None:
        self._size[tensor], self._made[tensor], self._read[tensor] = graph.tensors[tensor].size_bytes, made, 0

    def while_running(self, done: int, position: int) -> int:
        """Bytes alive while one operator runs after those in `done`."""
        return sum(
            size
            for tensor, size in self._size.items()
            if tensor in self.touched[position] or (self._made[tensor] & ~done == 0 and self._read[tensor] & ~done)
        )

    def peaks(self, order: range) -> Iterator[int]:
        done = 0
        for position in order:
            yield self.while_running(done, position)
            done |= 1 << position


def _search(graph: Graph, memory: _Memory, given: int) -> list[int] | None:
    """The positions in an order with a lower peak than `given`; None where there is none, or too many to look at."""
    everything = (1 << len(graph.ops)) - 1
    waiting: list[tuple[int, int, int]] = [(0, 0, 0)]  # peak, operators left (fewest first), done
    came_from: dict[int, tuple[int, int]] = {0: (0, -1)}
    peak_of = {0: 0}
    while waiting and len(peak_of) <= _MOST_STATES:
        peak, _, done = heapq.heappop(waiting)
        if peak > peak_of[done]:
            continue
        if peak >= given:
            return None
        if done == everything:
            return _path(came_from, done)
        for position in _ready(memory, done, len(graph.ops)):
            reached = done | 1 << position
            higher = max(peak, memory.while_running(done, position))
            if higher < peak_of.get(reached, given):
                peak_of[reached], came_from[reached] = higher, (done, position)
                heapq.heappush(waiting, (higher, -reached.bit_count(), reached))
    return None


def _ready(memory: _Memory, done: int, count: int) -> Iterator[int]:
    return (k for k in range(count) if not done >> k & 1 and memory.needs[k] & ~done == 0)


def _path(came_from: dict[int, tuple[int, int]], done: int) -> list[int]:
    order = []
    while done:
        done, position = came_from[done]
        order.append(position)
    return order[::-1]
