"""Which operators are blamed where a network thinned to half comes out otherwise than predicted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from edgeprune.prune.coupling.trial import _before, _on_line

NAMES = ("conv", "view", "add", "reshape", "mean", "head")
TRACED: Any = SimpleNamespace(
    graph=SimpleNamespace(ops=tuple(SimpleNamespace(name=name) for name in NAMES)),
    where=dict(zip(NAMES, ("net:1", "net:2", "net:2", "net:4", "net:2", "net:6"), strict=True)),
)
RISKY = ("view", "reshape", "mean")


@pytest.mark.parametrize(
    ("position", "blamed"),
    [(0, []), (1, ["view", "mean"]), (2, ["view", "mean"]), (3, ["reshape"]), (4, ["view", "mean"])],
)
def test_the_last_risky_one_up_to_there_and_all_on_its_line(position: int, blamed: list[str]) -> None:
    assert _before(TRACED, RISKY, position) == blamed


@pytest.mark.parametrize(
    ("where", "blamed"),
    [("net:4", ["reshape"]), ("net:2", ["view", "mean"]), ("net:6", ["view", "mean"]), ("net:1", [])],
)
def test_those_on_the_line_itself_come_first(where: str, blamed: list[str]) -> None:
    assert _on_line(TRACED, RISKY, where) == blamed
