"""The order of operators that needs the least memory, where branches leave a choice."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from edgeprune.engine.graph.early_exit import early_exit_of, skipped
from edgeprune.ir import Graph

_MOST_STATES = 4000


def least_memory_order(graph: Graph) -> Graph:
    """The graph with its operators in the order that keeps fewest bytes alive at its worst moment.

    Every reachable set of finished operators is a node, an operator that may run next an edge, the bytes alive while it
    runs its length; the path whose longest edge is shortest comes from Dijkstra's algorithm (the states are those of
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
    given = memory.peak_bytes(range(len(graph.ops)))
    if given == memory.least_peak_bytes():
        return graph
    best = _search(memory, given)
    return graph if best is None else graph.with_ops(tuple(graph.ops[index] for index in best))


@dataclass(frozen=True)
class _State:
    """Finished operators (bit k: operator k), the bytes alive after them, and the operators that may run next."""

    done: int
    alive_bytes: int
    ready: tuple[int, ...]


class _Memory:
    """What each operator makes, reads for the last time, and waits for."""

    def __init__(self, graph: Graph):
        root: dict[int, int] = {}  # view -> tensor whose bytes it reads
        for op in graph.ops:
            if op.traits.is_reshape:
                root[op.outputs[0]] = root.get(op.inputs[0], op.inputs[0])
        made = [t for op in graph.ops for t in op.outputs if t not in root]
        self._size = {tensor: graph.tensors[tensor].size_bytes for tensor in (*graph.inputs, *made)}
        self._readers = dict.fromkeys(self._size, 0)  # bits that must be finished before the tensor may go
        self._makes = [tuple(t for t in op.outputs if t in self._size) for op in graph.ops]
        self._touches: list[tuple[int, ...]] = []
        self._needs = [0] * len(graph.ops)
        self._enables: list[list[int]] = [[] for _ in graph.ops]
        for position, op in enumerate(graph.ops):
            touched = {root.get(tensor, tensor) for tensor in (*op.inputs, *op.outputs)} & self._size.keys()
            self._touches.append(tuple(touched))
            for tensor in touched:
                self._readers[tensor] |= 1 << position
            for maker in {graph.producer[tensor] for tensor in op.inputs if tensor in graph.producer}:
                self._wait(position, maker)
        choice = early_exit_of(graph)
        if choice is not None:  # what an input that leaves early does not need waits for the exit's output
            for position in skipped(graph):
                self._wait(position, graph.producer[graph.ops[choice].inputs[1]])
        for tensor in graph.outputs:
            if (kept := root.get(tensor, tensor)) in self._readers:
                self._readers[kept] |= 1 << len(graph.ops)  # of no operator: never finished
        self.everything = (1 << len(graph.ops)) - 1
        self.start = _State(
            0,
            sum(self._size[tensor] for tensor in graph.inputs),
            tuple(position for position, needed in enumerate(self._needs) if needed == 0),
        )

    def _wait(self, position: int, maker: int) -> None:
        self._needs[position] |= 1 << maker
        self._enables[maker].append(position)

    def least_peak_bytes(self) -> int:
        """What some operator touches at once, in any order."""
        return max((sum(self._size[tensor] for tensor in touched) for touched in self._touches), default=0)

    def peak_bytes(self, order: Iterable[int]) -> int:
        peak, state = 0, self.start
        for position in order:
            running, state = self.step(state, position)
            peak = max(peak, running)
        return peak

    def step(self, state: _State, position: int) -> tuple[int, _State]:
        """Bytes alive while an operator runs, and the state behind it."""
        done = state.done | 1 << position
        running = state.alive_bytes + sum(self._size[tensor] for tensor in self._makes[position])
        freed = sum(self._size[tensor] for tensor in self._touches[position] if not self._readers[tensor] & ~done)
        enabled = [other for other in self._enables[position] if not self._needs[other] & ~done]
        ready = (*(other for other in state.ready if other != position), *enabled)
        return running, _State(done, running - freed, ready)


def _search(memory: _Memory, given: int) -> list[int] | None:
    """The positions in an order with a lower peak than `given`; None where there is none, or too many to look at."""
    waiting: list[tuple[int, int, int]] = [(0, 0, 0)]  # peak, operators finished (most first), done
    states, came_from, peak_of = {0: memory.start}, {0: (0, -1)}, {0: 0}
    while waiting and len(peak_of) <= _MOST_STATES:
        peak, _, done = heapq.heappop(waiting)
        if peak > peak_of[done]:
            continue
        if done == memory.everything:
            return _path(came_from, done)
        for position in states[done].ready:
            running, state = memory.step(states[done], position)
            higher = max(peak, running)
            if higher < peak_of.get(state.done, given):
                peak_of[state.done], came_from[state.done] = higher, (done, position)
                states[state.done] = state
                heapq.heappush(waiting, (higher, -state.done.bit_count(), state.done))
    return None


def _path(came_from: dict[int, tuple[int, int]], done: int) -> list[int]:
    order = []
    while done:
        done, position = came_from[done]
        order.append(position)
    return order[::-1]
