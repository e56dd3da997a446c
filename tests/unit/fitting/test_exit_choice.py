"""Where a network is left early, and at which margin, by outputs and work that are made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from edgeprune.budget import Budget
from edgeprune.deploy.protocol import ExitWork
from edgeprune.errors import DoesNotFit, ModelError
from edgeprune.fitting import early_exit, exit_place
from edgeprune.fitting.early_exit import _decided
from edgeprune.fitting.exit_place import choose_place
from edgeprune.model.exits import ExitPlace
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


def test_places_are_compared_by_outputs_over_all_of_int8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One scale for both, and the network's own outputs lose next to nothing by it."""
    reached: list[tuple[int, float]] = []

    def margin(own: np.ndarray, early: np.ndarray, lost: Callable[[np.ndarray], float], points: float) -> None:
        widest = max(np.abs(own.astype(int)).max(), np.abs(early.astype(int)).max())
        reached.append((int(widest), lost(own)))

    monkeypatch.setattr(exit_place, "choose_margin", margin)
    with pytest.raises(DoesNotFit):  # nothing leaves
        chosen(tmp_path, {"1": ExitWork(20, 90, 100)})
    ((widest, lost_points),) = reached
    assert widest == 127 and abs(lost_points) < 5


def test_leaving_that_saves_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DoesNotFit, match="leaving early saves nothing") as refused:
        chosen(tmp_path, {"1": ExitWork(100, 90, 100)})
    assert "--early-exit" in str(refused.value.hint)


@pytest.mark.parametrize("allowed", [0.0, 0.5, 5.0])
def test_the_points_that_are_allowed_are_the_ones_asked_for(
    allowed: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While places are compared, and when the margin is decided."""
    asked: list[float] = []

    def margin(own: Any, early: Any, lost: Any, points: float) -> int:
        asked.append(points)
        return -128

    monkeypatch.setattr(early_exit, "choose_margin", margin)
    monkeypatch.setattr(exit_place, "choose_margin", margin)
    assert chosen(tmp_path / "a", {"1": ExitWork(20, 90, 100)}, allowed) == "1"
    _decided(job_in(tmp_path / "b", early_exit=allowed), artifact(0))
    assert asked == [allowed, allowed]


@pytest.mark.parametrize(("late", "wrong", "is_kept"), [(90.0, 0, True), (0.5, 0, True), (10.0, 40, False)])
def test_a_head_is_trained_kept_and_left_out_where_it_saves_nothing(
    late: float, wrong: int, is_kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ExitPlace("1", (6, 8, 8), (1, 1))
    trained: list[str] = []
    train = early_exit.trained_head
    monkeypatch.setattr(early_exit, "trained_head", lambda *given: trained.append("head") or train(*given))
    job = job_in(tmp_path, early_exit=1.0)
    job.workspace.once("early exit: place", lambda: asdict(place))
    made = SimpleNamespace(exit_work=lambda: ExitWork(20 if is_kept else 100, late, 100))
    file = artifact(wrong)
    file.build = lambda network, leaving: made
    object.__setattr__(job.deployment, "export", lambda module, stage: file)
    candidate: Any = SimpleNamespace(network=Network.of(net(), SHAPE))
    for _ in range(2):  # the second time from what was noted
        result = early_exit.exited(job, candidate, "round 1")
        assert result is (made if is_kept else candidate)
    head = load_file(job.workspace.folder / "candidates" / "round-1-exit" / "head.safetensors")
    assert head["fc.weight"].shape == (4, 6) and trained == ["head"]


def test_without_an_exit_asked_for_the_candidate_is_what_it_was(tmp_path: Path) -> None:
    candidate: Any = object()
    assert early_exit.exited(job_in(tmp_path), candidate, "round 1") is candidate
