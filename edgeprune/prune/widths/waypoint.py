"""The widths on the way from the full network to the allocated one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgeprune.prune.widths.allocate import GroupChoice


def waypoint(
    choices: Sequence[GroupChoice], start: Mapping[str, int], goal: Mapping[str, int], part: float
) -> dict[str, int]:
    """Widths a `part` (0..1) of the way from start to goal, geometrically, rounded up to widths a group may have.

    Every group shrinks by the same share of its own way, so no step is all of one layer's loss.
    """
    widths = {}
    for choice in choices:
        first, last = start[choice.group], goal[choice.group]
        nearest = first * (last / first) ** part
        widths[choice.group] = min((w for w in choice.widths if w >= nearest - 1e-9 and w >= last), default=first)
        widths[choice.group] = min(widths[choice.group], first)
    return widths
