"""Widths chosen by additive damage curves, corrected by the measured damage of candidates.

`allocate` assumes that damages of groups add. Near its result that is tested: channels are traded between two groups,
the trades of least predicted damage first, each candidate thinned, recovered and measured. Part of what
`pruning.py` measures; fits do without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

from edgeprune.prune.widths.allocate import GroupChoice

_STEPS = (1, 2, 3, 4, 8)  # places in a group's list of widths

Places = tuple[int, ...]


def refine(
    choices: Sequence[GroupChoice],
    start: Mapping[str, int],
    damage: Callable[[Mapping[str, int]], float],
    fits: Callable[[Mapping[str, int]], bool],
    evaluations: int,
) -> tuple[dict[str, int], float]:
    """The least damaging widths evaluated, and their measured damage.

    Args:
        start: within the limits.
        damage: measured, of widths that fit; the costly part.
        fits: whether widths are within the limits; called often.
        evaluations: how often `damage` may be called, at least once.
    """

    def widths_at(places: Places) -> dict[str, int]:
        return {choice.group: choice.widths[place] for choice, place in zip(choices, places, strict=True)}

    def predicted(places: Places) -> float:
        return sum(choice.damage[place] for choice, place in zip(choices, places, strict=True))

    best = tuple(choice.widths.index(start[choice.group]) for choice in choices)
    lowest = damage(start)
    tried = {best}
    left = evaluations - 1
    while left > 0:
        near = sorted(_neighbours(choices, best) - tried, key=predicted)
        candidate = next((places for places in near if fits(widths_at(places))), None)
        if candidate is None:
            break
        tried.add(candidate)
        left -= 1
        measured = damage(widths_at(candidate))
        if measured < lowest:
            best, lowest = candidate, measured
    return widths_at(best), lowest


def _neighbours(choices: Sequence[GroupChoice], places: Places) -> set[Places]:
    """All places after one group gained some widths, with or without another losing some."""
    neighbours: set[Places] = set()
    for up, down in product(range(len(places)), repeat=2):
        for gain, loss in product(_STEPS, (0, *_STEPS)):
            moved = list(places)
            moved[up] += gain
            if up != down:
                moved[down] -= loss
            if moved[up] < len(choices[up].widths) and moved[down] >= 0:
                neighbours.add(tuple(moved))
    return neighbours
