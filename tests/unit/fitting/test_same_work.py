"""A run does not go on with notes about something else; what changed is named."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from edgeprune.errors import UsageError
from edgeprune.files.workspace import Workspace
from edgeprune.fitting.job import Job
from edgeprune.fitting.same_work import check_same_work
from edgeprune.project.entry import load_entry
from tests.unit.fitting.small_job import job_in


def module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 4))


def resumed(job: Job) -> Job:
    job.workspace.close()
    return replace(job, workspace=Workspace.resume(job.workspace.folder))


def other_labels(job: Job) -> Job:
    train = job.splits.train
    return replace(job, splits=replace(job.splits, train=replace(train, targets=(train.targets + 1) % 4)))


def other_samples(job: Job) -> Job:
    test = job.splits.test
    return replace(job, splits=replace(job.splits, test=replace(test, inputs=test.inputs + 1)))


def other_target(job: Job) -> Job:
    return replace(job, target=job.target.model_copy(update={"title": "another"}))


def other_project(job: Job) -> Job:
    training = job.project.training.model_copy(update={"seed": 99})
    return replace(job, project=job.project.model_copy(update={"training": training}))


def test_the_same_work_goes_on(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    check_same_work(job, module())
    check_same_work(resumed(job), module())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (other_labels, "samples or targets are others"),
        (other_samples, "samples or targets are others"),
        (other_target, "the target's file says something else"),
        (other_project, "edgeprune.toml says something else"),
    ],
)
def test_what_changed_is_named(tmp_path: Path, change: Callable[[Job], Job], words: str) -> None:
    job = job_in(tmp_path)
    check_same_work(job, module())
    with pytest.raises(UsageError, match=words) as refused:
        check_same_work(resumed(change(job)), module())
    assert refused.value.hint


def test_other_layers_of_the_same_weights(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    check_same_work(job, nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()))
    with pytest.raises(UsageError, match="layers or weights are others"):
        torch.manual_seed(0)
        check_same_work(resumed(job), nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU6()))


@pytest.fixture
def own_files(tmp_path: Path) -> Iterator[Path]:
    """A network that imports its layer from a neighbour, and a metric, as a project names them."""
    (tmp_path / "own_layers.py").write_text("from torch import nn\n\ndef layer():\n    return nn.Linear(64, 4)\n")
    (tmp_path / "own.py").write_text(
        "from torch import nn\nimport own_layers\n\ndef build():\n    return nn.Sequential(nn.Flatten(), "
        "own_layers.layer())\n\ndef metric(outputs, targets):\n    return (outputs.argmax(1) == targets).sum()\n"
    )
    load_entry("own.py:build", tmp_path, UsageError)
    yield tmp_path
    for name in ("edgeprune_user_own", "own_layers"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["own.py", "own_layers.py"])
@pytest.mark.parametrize("change", ["forward", "gone", "comment"])
def test_code_that_says_something_else(
    own_files: Path, name: str, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another metric or forward() has the same weights, and every figure noted is another's."""
    monkeypatch.chdir(own_files)
    job = job_in(own_files)
    check_same_work(job, module())
    path = own_files / name
    if change == "gone":
        path.unlink()
    else:
        added = "# nothing\n\n" if change == "comment" else "nn.Linear.forward = lambda self, x: x[:, :4]\n"
        path.write_text(path.read_text() + added)
    if change == "comment":
        check_same_work(resumed(job), module())
        return
    with pytest.raises(UsageError, match=f"begun on something else: {name} says something else"):
        check_same_work(resumed(job), module())
    noted = json.loads((job.workspace.folder / "state.json").read_text())["notes"]["depends on"]["code"]
    assert sorted(noted) == ["own.py", "own_layers.py"]  # whatever folder it runs in


def test_an_installed_package_in_the_projects_folder_is_not_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".venv" / "lib" / "site-packages" / "somebodys.py"
    path.parent.mkdir(parents=True)
    path.write_text("a = 1\n")
    monkeypatch.setitem(sys.modules, "somebodys", SimpleNamespace(__file__=str(path)))  # type: ignore[arg-type]
    job = job_in(tmp_path)
    check_same_work(job, module())
    path.write_text("a = 2\n")
    check_same_work(resumed(job), module())


def test_other_class_names(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    check_same_work(job, module())
    named = replace(job, splits=replace(job.splits, class_names=("a", "b", "c", "d")))
    with pytest.raises(UsageError, match="samples or targets are others"):
        check_same_work(resumed(named), module())


def test_other_weights(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    check_same_work(job, module())
    with pytest.raises(UsageError, match="weights are others"):
        check_same_work(resumed(job), nn.Sequential(nn.Flatten(), nn.Linear(64, 4)))
