"""A run does not go on with notes about something else; what changed is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from edgeprune.errors import UsageError
from edgeprune.files.workspace import Workspace
from edgeprune.fitting.job import Job
from edgeprune.fitting.same_work import check_same_work
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


def test_other_weights(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    check_same_work(job, module())
    with pytest.raises(UsageError, match="weights are others"):
        check_same_work(resumed(job), nn.Sequential(nn.Flatten(), nn.Linear(64, 4)))
