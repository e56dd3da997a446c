"""Calls whose specialised functions differ in a constant agree on one function where their values allow it.

Each function is flash, and a network predicted before it has values counts on one for all calls of a shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgeprune.engine.kernels.base import KernelCall, Shared

Functions = tuple[Shared, ...]


def agreed(calls: Sequence[KernelCall]) -> tuple[KernelCall, ...]:
    """The calls in order, each family's by as few functions as will do."""
    families: dict[str, list[int]] = {}
    for position, call in enumerate(calls):
        for family in {shared.family for shared in call.shared if call.others is not None} - {""}:
            families.setdefault(family, []).append(position)
    chosen = list(calls)
    for positions in families.values():
        if len({calls[position].shared for position in positions}) > 1:
            for position, call in _fewest({position: _ways(calls[position]) for position in positions}).items():
                chosen[position] = call
    return tuple(chosen)


def _ways(call: KernelCall) -> dict[Functions, KernelCall]:
    assert call.others is not None
    return {way.shared: way for way in (call, *call.others())}


def _fewest(ways: Mapping[int, Mapping[Functions, KernelCall]]) -> dict[int, KernelCall]:
    """Again and again the functions that most of the calls left can use; among equals those that come first."""
    left, chosen = dict(ways), dict[int, KernelCall]()
    while left:
        counts: dict[Functions, int] = {}
        for possible in left.values():
            for functions in possible:
                counts[functions] = counts.get(functions, 0) + 1
        best = max(counts, key=lambda functions: counts[functions])
        for position in [position for position, possible in left.items() if best in possible]:
            chosen[position] = left.pop(position)[best]
    return chosen
