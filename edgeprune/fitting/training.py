"""Training inside a fit: with a progress bar, and a checkpoint that a killed run goes on from."""

from __future__ import annotations

import math
from pathlib import Path

from torch import nn

from edgeprune.fitting.granularity import Hold
from edgeprune.fitting.job import Job
from edgeprune.train.finetune import TrainSettings, TrainStep, finetune

CHECKPOINT_NAME = "training.pt"
_BAR = 1000


def settings_of(job: Job, epochs: int) -> TrainSettings:
    """The project's own, for this many epochs."""
    training = job.project.training
    return TrainSettings(
        epochs=epochs,
        batch=training.batch,
        lr=training.lr,
        optimizer=training.optimizer,
        seed=training.seed,
        augment=job.project.data.augment,
    )


def train(
    job: Job,
    module: nn.Module,
    settings: TrainSettings,
    teacher: nn.Module,
    title: str,
    folder: Path,
    hold: Hold | None = None,
) -> None:
    """Trains `module` in place, imitating `teacher`; whoever keeps the result deletes the checkpoint in `folder`.

    Args:
        hold: see `finetune`.
    """
    with job.progress.task(title, _BAR) as task:
        done = 0

        def show(now: TrainStep) -> None:
            nonlocal done
            target = math.floor(_BAR * now.step / now.steps)
            score = "" if now.validation is None else f", {job.objective.metric.name} {now.validation:.2f}"
            task.advance(target - done, f"loss {now.loss:.3f}{score}")
            done = target

        finetune(module, job.splits, job.objective, settings, teacher, show, folder / CHECKPOINT_NAME, hold)
