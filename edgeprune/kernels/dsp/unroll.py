"""How much of a loop becomes straight code."""

from __future__ import annotations

from dataclasses import dataclass

from edgeprune.kernels.base import Optimize

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
