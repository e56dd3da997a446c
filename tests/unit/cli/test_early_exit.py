"""How much an early exit may lose, as it is typed."""

from __future__ import annotations

import pytest

from edgeprune.cli.fit import command


@pytest.mark.parametrize(
    ("typed", "points"),
    [([], None), (["--early-exit"], 0.5), (["--early-exit", "2"], 2.0), (["--early-exit", "0"], 0.0)],
)
def test_points(typed: list[str], points: float | None) -> None:
    assert command.make_context("fit", [*typed, "--epochs", "1"]).params["early_exit"] == points
