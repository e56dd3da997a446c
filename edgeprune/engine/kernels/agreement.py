"""Calls whose specialised functions differ in a constant agree on one function where their values allow it.

Each function is flash, and a network predicted before it has values counts on one for all calls of a shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from edgeprune.engine.kernels.base import KernelCall, Others, Shared


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


def _ways(call: KernelCall) -> Others:
    """Its own functions first."""
    assert call.others is not None
    return {call.shared: lambda: call} | {way: make for way, make in call.others().items() if way != call.shared}


def _fewest(ways: Mapping[int, Others]) -> dict[int, KernelCall]:
    """Again and again the functions that most of the calls left can use; among equals those that most might use.

    Whether a call can takes working out: only what might still be the most is asked for.
    """
    left, chosen = dict(ways), dict[int, KernelCall]()
    while left:
        might: dict[tuple[Shared, ...], dict[int, Callable[[], KernelCall | None]]] = {}
        for position, possible in left.items():
            for functions, make in possible.items():
                might.setdefault(functions, {})[position] = make
        best: dict[int, KernelCall] = {}
        for makes in sorted(might.values(), key=len, reverse=True):
            best = _made(makes, len(best)) or best
        chosen |= best
        left = {position: possible for position, possible in left.items() if position not in best}
    return chosen


def _made(makes: Mapping[int, Callable[[], KernelCall | None]], beaten: int) -> dict[int, KernelCall]:
    """The calls of those that can; none as soon as they cannot be more than `beaten`."""
    made: dict[int, KernelCall] = {}
    for asked, (position, make) in enumerate(makes.items()):
        if len(made) + len(makes) - asked <= beaten:
            return {}
        call = make()
        if call is not None:
            made[position] = call
    return made if len(made) > beaten else {}
