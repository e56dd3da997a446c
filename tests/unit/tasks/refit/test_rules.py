"""Ship or do not ship: by every rule that is asked for, and by none that cannot be judged."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.errors import UsageError
from edgeprune.project.file import ShipTable, default_project, project_from
from edgeprune.tasks.refit.rules import Figures, rulings
from edgeprune.train.metrics import METRICS

OLD = Figures("old", True, 90.0, 90.0, 50_000, 20_000, "instructions", 1_000_000.0)
ACCURACY, ERROR = METRICS["accuracy"], METRICS["mse"]


def ships(rules: ShipTable, new: Figures, old: Figures = OLD, metric: str = "accuracy") -> bool:
    return all(ruling.holds for ruling in rulings(rules, METRICS[metric], old, new))


@pytest.mark.parametrize(
    ("rules", "change", "ship"),
    [
        ({}, {}, True),  # equal
        ({}, {"score": 90.1}, True),
        ({}, {"score": 89.9}, False),
        ({}, {"fits": False}, False),
        ({}, {"score": nan}, False),
        ({"max_loss": 1.0}, {"score": 89.0}, True),
        ({"max_loss": -1.0}, {"score": 90.9}, False),  # must be better by a point
        ({"max_loss": -1.0}, {"score": 91.0}, True),
        ({"min_score": 90.0}, {}, True),
        ({"min_score": 90.5}, {}, False),
        ({"max_flash_growth": 100}, {"flash_bytes": 50_100}, True),
        ({"max_flash_growth": 100}, {"flash_bytes": 50_101}, False),
        ({"max_ram_growth": 0}, {"ram_bytes": 20_001}, False),
        ({"max_slowdown": 5}, {"total_ticks": 1_050_000.0}, True),
        ({"max_slowdown": 5}, {"total_ticks": 1_051_000.0}, False),
        ({"max_slowdown": 5}, {"total_ticks": None}, False),
        ({"max_slowdown": 5}, {"clock": "cycles"}, False),
    ],
)
def test_each_rule_holds_up_to_its_limit(rules: dict[str, float], change: dict[str, object], ship: bool) -> None:
    assert ships(ShipTable.model_validate(rules), replace(OLD, **change)) is ship  # type: ignore[arg-type]


def test_an_error_is_better_where_it_is_less() -> None:
    old = replace(OLD, score=2.0)
    assert ships(ShipTable(), replace(old, score=1.9), old, "mse")
    assert not ships(ShipTable(max_loss=4), replace(old, score=2.1), old, "mse")  # 5 % more
    assert ships(ShipTable(max_loss=5.1, min_score=2.2), replace(old, score=2.1), old, "mse")
    assert not ships(ShipTable(max_loss=5.1, min_score=2.0), replace(old, score=2.1), old, "mse")


@given(st.floats(0, 100), st.floats(0, 100), st.floats(-5, 5))
def test_a_better_score_never_ships_less(low: float, high: float, most: float) -> None:
    low, high = sorted((low, high))
    assert ships(ShipTable(max_loss=most), replace(OLD, score=low)) <= ships(
        ShipTable(max_loss=most), replace(OLD, score=high)
    )


@pytest.mark.parametrize(
    "table", [{"max_loss": float("nan")}, {"max_los": 1}, {"max_slowdown": -1}, {"max_flash_growth": "x"}]
)
def test_a_wrong_table_is_refused_by_name(table: dict[str, object]) -> None:
    project = default_project()
    tables = {
        "model": project.model.model_dump(mode="json", exclude_none=True),
        "data": {"path": "x.npz"},
        "ship": table,
    }
    with pytest.raises(UsageError, match=r"ship\.max"):
        project_from(tables, project.root)
