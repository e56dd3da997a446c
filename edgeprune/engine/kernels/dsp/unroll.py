"""How much of a loop becomes straight code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeprune.budget import Optimize

_STRAIGHT = {Optimize.SIZE: 2, Optimize.BALANCED: 8, Optimize.SPEED: 32}


@dataclass(frozen=True)
class Unroll:
    """`head + loops * chunk` rounds: `head` of them straight, then a loop over `chunk` straight ones."""

    head: int
    loops: int
    chunk: int


def unroll(rounds: int, optimize: Optimize) -> Unroll:
    """Straight code for the fewest instructions that the trade allows; head >= 1, and loops >= 2 or 0."""
    most = _STRAIGHT[optimize]
    if rounds <= most:
        return Unroll(rounds, 0, 0)
    loops = -(-rounds // most)
    chunk = rounds // loops
    head = rounds - loops * chunk
    if head == 0:
        head, loops = chunk, loops - 1
    return Unroll(head + chunk, 0, 0) if loops == 1 else Unroll(head, loops, chunk)


def unroll_within(rounds: int, optimize: Optimize, code_bytes: Callable[[Unroll], int], most_bytes: int) -> Unroll:
    """As `unroll` where that takes `most_bytes` at most; else the fewest turns of a loop for which code does, or the
    least code there can be.
    """
    straight = unroll(rounds, optimize)
    if code_bytes(straight) <= most_bytes or rounds < 3:
        return straight
    for loops in range(max(2, straight.loops), rounds):
        for chunk in range(1, (rounds - 1) // loops + 1):
            way = Unroll(rounds - loops * chunk, loops, chunk)
            if way.head + chunk <= _STRAIGHT[optimize] and code_bytes(way) <= most_bytes:
                return way
    return Unroll(1, rounds - 1, 1)
