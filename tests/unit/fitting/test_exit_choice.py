"""Where a network is left early, and at which margin, by outputs and work that are made up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from edgeprune.budget import Budget
from edgeprune.deploy.protocol import ExitWork
from edgeprune.errors import DoesNotFit, ModelError
from edgeprune.fitting.early_exit import _decided
from edgeprune.fitting.exit_place import choose_place
from edgeprune.prune.network import Network
from tests.unit.fitting.memory_deployment import MemoryDeployment
from tests.unit.fitting.small_job import SHAPE, job_in


def artifact(wrong: int) -> Any:
    """The network itself is right; its exit is wrong for so many of the first samples, and surest of those."""

    def outputs(split: Any) -> list[np.ndarray]:
        labels = split.targets.numpy()
        own, early = (np.zeros((len(labels), 4), np.int8) for _ in range(2))
        own[np.arange(len(labels)), labels] = 100
        early[np.arange(len(labels)), labels] = 20
        early[:wrong] = 0
        early[np.arange(wrong), (labels[:wrong] + 1) % 4] = 50
        return [own, early]

    return SimpleNamespace(outputs=outputs, real=lambda given: tuple(map(torch.from_numpy, given)))


def test_the_margin_loses_no_more_than_is_allowed(tmp_path: Path) -> None:
    job = job_in(tmp_path, early_exit=5.0)
    count = len(job.splits.validation.targets)
    few, many = int(0.04 * count), int(0.06 * count) + 1
    decided = _decided(job, artifact(few))
    assert (decided["margin"], decided["share"]) == (20, 1.0)
    assert decided["drop_points"] == pytest.approx(100 * few / count, abs=1e-3)
    assert _decided(job, artifact(many)) == {"margin": None}
    strict = job_in(tmp_path / "strict", early_exit=0.0)
    assert _decided(strict, artifact(few)) == {"margin": None}
    assert _decided(strict, artifact(0))["margin"] == 20


@dataclass(frozen=True, eq=False)
class Leaving(MemoryDeployment):
    """Knows what leaving behind a layer takes and saves."""

    work: dict[str, ExitWork] = field(default_factory=dict)

    def exit_work(self, after: str, network: Network, leaving: Network) -> ExitWork:
        if after not in self.work:
            raise ModelError("not here")
        return self.work[after]


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(384, 4),
    ).eval()  # fmt: skip


def chosen(folder: Path, work: dict[str, ExitWork], allowed: float = 100.0) -> str:
    job = job_in(folder, deployment=Leaving(Budget(1, 1), work=work), early_exit=allowed)
    return choose_place(job, Network.of(net(), SHAPE)).after


def test_the_place_with_the_least_mean_work_is_taken(tmp_path: Path) -> None:
    """All may leave everywhere where any loss is allowed: what is left is what comes before."""
    near, far = ExitWork(20, 90, 100), ExitWork(60, 50, 100)
    assert chosen(tmp_path / "a", {"1": near, "3": far}) == "1"
    assert chosen(tmp_path / "b", {"1": far, "3": near}) == "3"


def test_a_place_with_little_work_behind_it_is_not_tried(tmp_path: Path) -> None:
    assert chosen(tmp_path / "a", {"1": ExitWork(5, 9.9, 100), "3": ExitWork(60, 10, 100)}) == "3"
    with pytest.raises(ModelError, match="nowhere to leave"):
        chosen(tmp_path / "b", {"3": ExitWork(60, 9.9, 100)})


def test_leaving_that_saves_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DoesNotFit, match="leaving early saves nothing") as refused:
        chosen(tmp_path, {"1": ExitWork(100, 90, 100)})
    assert "--early-exit" in str(refused.value.hint)
