"""Calls share as few specialised functions as their values allow."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.engine.kernels.agreement import agreed
from edgeprune.engine.kernels.base import KernelCall, Others, Shared


def call(name: str, *shifts: int, family: str = "tile") -> KernelCall:
    """Its own function is the first; it could use the others, too."""

    def at(shift: int) -> KernelCall:
        function = Shared(f"{family}({shift})", 100, family)
        return KernelCall(function=name, emit=lambda symbols: "", shared=(function,))

    others = {at(shift).shared: (lambda shift=shift: at(shift) if shift in shifts else None) for shift in range(5)}
    return replace(at(shifts[0]), others=lambda: others)


def functions(*calls: KernelCall) -> list[str]:
    result = agreed(calls)
    assert [one.function for one in result] == [one.function for one in calls]
    return [one.shared[0].text for one in result]


def test_all_take_what_all_can() -> None:
    assert functions(call("a", 2, 3), call("b", 3, 4), call("c", 1, 3)) == ["tile(3)"] * 3


def test_who_cannot_follow_keeps_its_own() -> None:
    assert functions(call("a", 2, 3), call("b", 1), call("c", 2, 1), call("d", 2)) == [
        "tile(2)", "tile(1)", "tile(2)", "tile(2)"
    ]  # fmt: skip


def test_agreed_already_asks_nobody() -> None:
    def fails() -> Others:
        raise AssertionError("not needed")

    same = replace(call("a", 2), others=fails)
    assert functions(same, same) == ["tile(2)"] * 2


def test_nobody_is_asked_for_what_cannot_be_the_most() -> None:
    def fails() -> KernelCall:
        raise AssertionError("two can already")

    first, second = call("a", 2, 3), call("b", 3)
    assert first.others is not None
    slow = replace(first, others=lambda: dict(first.others()) | {call("a", 4).shared: fails})
    assert functions(slow, second) == ["tile(3)", "tile(3)"]


def test_families_do_not_mix() -> None:
    other = call("c", 3, 2, family="rows")
    assert functions(call("a", 2, 3), call("b", 2, 3), other) == ["tile(2)", "tile(2)", "rows(3)"]
    alone = KernelCall(function="d", emit=lambda symbols: "")
    assert agreed([alone, alone]) == (alone, alone)
