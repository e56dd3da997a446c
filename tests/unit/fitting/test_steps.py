"""Steps of one round: how far each goes, how long it trains, which are undone; the training itself is scripted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from edgeprune.fitting import rounds
from edgeprune.prune.network import Network
from edgeprune.prune.widths.allocate import GroupChoice
from edgeprune.prune.widths.waypoint import waypoint
from tests.unit.fitting.small_job import SHAPE, job_in


def network() -> Network:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 9), nn.ReLU(), nn.Linear(9, 4))
    return Network.of(module.eval(), SHAPE)


def run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, drops: list[float], epochs: int, steps: int = 2
) -> tuple[list[dict[str, int]], list[int], list[bool], Any]:
    """(widths, epochs and whether it was undone of each step, the network in the end) where steps lose `drops`."""
    whole, asked = network(), []

    def step(job: Any, start: Any, widths: Mapping[str, int], teacher: Any, share: int, stage: str, begin: Any) -> Any:
        assert stage == f"round 1: step {len(asked) + 1}"
        asked.append((dict(start.widths), dict(widths)))
        return SimpleNamespace(groups=start.groups, widths=dict(widths)), {
            "score": 100 - drops[len(asked) - 1], "drop_points": drops[len(asked) - 1],
            "training": [],
        }  # fmt: skip

    monkeypatch.setattr(rounds, "_step", step)
    job = job_in(folder, epochs=epochs, steps=steps, step_drop_points=5.0)
    goal = {group.name: 4 if group.size == 16 else 3 for group in whole.groups.groups}
    last, taken = rounds.thin_to(job, whole, goal, whole.module, epochs, "round 1")
    assert [record.widths for record in taken] == [widths for _, widths in asked]
    assert taken[-1].widths == last.widths == goal and not taken[-1].undone
    assert sum(record.epochs for record in taken) == epochs
    for (start, _), before in zip(asked[1:], taken, strict=False):
        assert before.undone or start == before.widths  # an undone step is no start
    return [record.widths for record in taken], [r.epochs for r in taken], [r.undone for r in taken], last


def test_the_last_step_has_most_of_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    widths, epochs, undone, _ = run(tmp_path, monkeypatch, [1, 1], epochs=8)
    assert epochs == [2, 6] and undone == [False, False]
    assert widths[0] == {"1": 8, "3": 6}  # half of the way, geometrically: 16 to 4, and 9 to 3 rounded up


def test_a_step_that_loses_more_is_undone_and_halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    widths, epochs, undone, _ = run(tmp_path, monkeypatch, [5.01, 5.0, 1, 1], epochs=8)
    assert undone == [True, False, False, False] and epochs == [2, 1, 1, 4]
    assert [step["1"] for step in widths] == [8, 12, 7, 4]  # a quarter of the way from 16, then half of it from 12


def test_the_last_step_stays_whatever_it_loses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path, monkeypatch, [1, 60], epochs=8)[2] == [False, False]


def test_no_more_than_two_are_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path, monkeypatch, [9, 9, 9, 9, 9, 1], epochs=60)[2] == [True, True] + [False] * 4


def test_none_is_undone_without_epochs_for_what_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path, monkeypatch, [9, 1], epochs=3)[2] == [False, False]


@pytest.mark.parametrize(
    ("widths", "part", "expected"),
    [
        (tuple(range(1, 17)), 0.0, 16), (tuple(range(1, 17)), 1.0, 4), (tuple(range(1, 17)), 0.5, 8),
        (tuple(range(1, 17)), 0.75, 6), ((4, 8, 12, 16), 0.75, 8), ((16,), 0.5, 16),
    ],
)  # fmt: skip
def test_waypoints_are_geometric_and_widths_a_group_may_have(
    widths: tuple[int, ...], part: float, expected: int
) -> None:
    choice = GroupChoice("a", widths, (0.0,) * len(widths))
    assert waypoint([choice], {"a": 16}, {"a": 4}, part) == {"a": expected}
