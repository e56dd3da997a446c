"""Exact placement by branch and bound over which of two buffers lies above the other.

Each conflict is settled one way or the other; each settled one is a difference constraint, and the lowest and highest
offset every buffer may still take follow by propagation. The arena to beat shrinks with every solution.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.engine.plan.conflicts import Problem


def improve(problem: Problem, offsets: Sequence[int], bound_bytes: int, steps: int) -> tuple[int, ...]:
    """The best placement within `steps` propagations: optimal when they suffice, never worse than `offsets`.

    Args:
        problem: what to place.
        offsets: a valid placement to start from, bytes.
        bound_bytes: no placement is smaller; the search ends when it is met.
        steps: limit on propagations.
    """
    search = _Search(problem, steps)
    best = tuple(offsets)
    arena = max(o + size for o, size in zip(best, search.sizes, strict=True))
    while arena > bound_bytes:
        offsets_under = search.under(arena - 1)
        if offsets_under is None:
            break
        best = tuple(offsets_under)
        arena = max(o + size for o, size in zip(best, search.sizes, strict=True))
    return best


class _Search:
    """Lowest and highest offsets under the decisions taken so far, with a trail to take them back."""

    def __init__(self, problem: Problem, steps: int):
        self.sizes = [buffer.size_bytes for buffer in problem.buffers]
        # (first, second, low, high), the heaviest first: the decisions with most effect are taken first.
        self.conflicts = sorted(
            ((c.first, c.second, c.low_bytes, c.high_bytes) for c in problem.conflicts),
            key=lambda c: -(self.sizes[c[0]] + self.sizes[c[1]]),
        )
        self.of_buffer: list[list[int]] = [[] for _ in self.sizes]
        for index, (first, second, _, _) in enumerate(self.conflicts):
            self.of_buffer[first].append(index)
            self.of_buffer[second].append(index)
        self.steps_left = steps
        self.lowest: list[int] = []
        self.highest: list[int] = []
        self.settled: list[int] = []  # per conflict: 0 open, 1 second above first, -1 second below first
        self.trail: list[tuple[list[int], int, int]] = []

    def under(self, limit_bytes: int) -> list[int] | None:
        """A placement of at most `limit_bytes`, None if there is none or the steps ran out."""
        self.lowest = [0] * len(self.sizes)
        self.highest = [limit_bytes - size for size in self.sizes]
        self.settled = [0] * len(self.conflicts)
        self.trail = []
        if min(self.highest, default=0) < 0 or not self._propagate(list(range(len(self.sizes)))):
            return None
        choices: list[tuple[int, int, int]] = []  # trail length, conflict, the side still to try
        while (conflict := self._next_open()) is not None:
            side = self._better_side(conflict)
            choices.append((len(self.trail), conflict, -side))
            while not self._decide(conflict, side):
                if not choices or self.steps_left <= 0:
                    return None
                mark, conflict, side = choices.pop()
                self._undo(mark)
        return self.lowest

    def _next_open(self) -> int | None:
        """The first conflict that the buffers' lowest offsets break; none means the lowest offsets are a solution."""
        for index, (first, second, low, high) in enumerate(self.conflicts):
            if self.settled[index] == 0 and low < self.lowest[second] - self.lowest[first] < high:
                return index
        return None

    def _better_side(self, conflict: int) -> int:
        """The side that lifts a buffer less."""
        first, second, low, high = self.conflicts[conflict]
        gap = self.lowest[second] - self.lowest[first]
        return 1 if high - gap <= gap - low else -1

    def _decide(self, conflict: int, side: int) -> bool:
        self._set(self.settled, conflict, side)
        first, second, _, _ = self.conflicts[conflict]
        return self._propagate([first, second])

    def _propagate(self, changed: list[int]) -> bool:
        """Tightens the ranges until nothing moves; False when a buffer has nowhere to go."""
        while changed:
            self.steps_left -= 1
            if self.steps_left <= 0:
                return False
            buffer = changed.pop()
            for index in self.of_buffer[buffer]:
                first, second, low, high = self.conflicts[index]
                side = self.settled[index]
                if side == 0:
                    above = self.lowest[first] + high <= self.highest[second]
                    below = self.lowest[second] - low <= self.highest[first]
                    if above and below:
                        continue
                    if not above and not below:
                        return False
                    side = 1 if above else -1
                    self._set(self.settled, index, side)
                moved = self._lift(first, second, high) if side == 1 else self._lift(second, first, -low)
                if moved is None:
                    return False
                changed += moved
        return True

    def _lift(self, under: int, over: int, distance: int) -> list[int] | None:
        """Enforces `over >= under + distance`; the buffers whose range shrank, None when one is empty."""
        moved = []
        if self.lowest[over] < self.lowest[under] + distance:
            self._set(self.lowest, over, self.lowest[under] + distance)
            moved.append(over)
        if self.highest[under] > self.highest[over] - distance:
            self._set(self.highest, under, self.highest[over] - distance)
            moved.append(under)
        if self.lowest[over] > self.highest[over] or self.lowest[under] > self.highest[under]:
            return None
        return moved

    def _set(self, values: list[int], index: int, value: int) -> None:
        self.trail.append((values, index, values[index]))
        values[index] = value

    def _undo(self, mark: int) -> None:
        while len(self.trail) > mark:
            values, index, value = self.trail.pop()
            values[index] = value
