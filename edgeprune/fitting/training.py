"""Training inside a fit: with a progress bar, and a checkpoint that a killed run goes on from."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from edgeprune.fitting.granularity import Hold
from edgeprune.fitting.job import Job
from edgeprune.train.evaluate import outputs_of
from edgeprune.train.finetune import TrainResult, TrainSettings, TrainStep, finetune

CHECKPOINT_NAME = "training.pt"
_BAR = 1000
_CLEARLY = 0.95


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
        similarity=training.similarity,
        device=job.options.device,
    )


def train(
    job: Job,
    module: nn.Module,
    settings: TrainSettings,
    teacher: nn.Module,
    title: str,
    folder: Path,
    hold: Hold | None = None,
) -> TrainResult:
    """Trains `module` in place, imitating `teacher`; whoever keeps the result deletes the checkpoint in `folder`.

    A teacher that knows no more than a constant answer, as weights drawn at random do, is not imitated: the module
    learns from the targets then ("pruning from scratch").

    Args:
        hold: see `finetune`.
    """
    imitated = teacher if _knows_something(job, teacher) else None
    with job.progress.task(title, _BAR) as task:
        done = 0

        def show(now: TrainStep) -> None:
            nonlocal done
            target = math.floor(_BAR * now.step / now.steps)
            score = "" if now.validation is None else f", {job.objective.metric.name} {now.validation:.2f}"
            task.advance(target - done, f"loss {now.loss:.3f}{score}")
            done = target

        return finetune(module, job.splits, job.objective, settings, imitated, show, folder / CHECKPOINT_NAME, hold)


def _knows_something(job: Job, teacher: nn.Module) -> bool:
    """Whether its loss on calibration samples is clearly below that of the best constant answer."""

    def compare() -> bool:
        split, objective = job.splits.calibration, job.objective
        outputs = outputs_of(teacher, split)
        constant = _constant_answer(outputs, split.targets, objective.loss_name)
        if constant is None:
            return True
        own, constant_loss = (float(objective.loss(answer, split.targets)) for answer in (outputs, constant))
        knows = own < _CLEARLY * constant_loss
        if not knows:
            job.progress.note(
                f"the network as it came knows no more than a constant answer (loss {own:.4g}, {constant_loss:.4g}): "
                f"training learns from the targets alone"
            )
        return knows

    return bool(job.workspace.once("the original knows something", compare))


def _constant_answer(outputs: Tensor, targets: Tensor, loss: str) -> Tensor | None:
    """As many equal answers: log-frequencies of the classes, or the mean target; None where neither is one."""
    if loss == "cross_entropy":
        counts = torch.bincount(targets, minlength=outputs.shape[1]).float()
        return ((counts + 1e-6) / counts.sum()).log().expand_as(outputs)
    is_alike = targets.is_floating_point() and targets.shape == outputs.shape
    return targets.mean(0).expand_as(outputs) if is_alike else None
