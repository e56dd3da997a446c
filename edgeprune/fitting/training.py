"""Training inside a fit: with a progress bar, and a checkpoint that a killed run resumes from."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from edgeprune.fitting.granularity import Hold, nothing
from edgeprune.fitting.job import Job
from edgeprune.model.answers import Answer
from edgeprune.train.evaluate import outputs_of
from edgeprune.train.finetune import TrainHooks, TrainResult, TrainStep, finetune
from edgeprune.train.metrics import IGNORED
from edgeprune.train.training_state import TrainSettings
from edgeprune.units import score_text

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
    hold: Hold = nothing,
) -> TrainResult:
    """Trains `module` in place, distilling from `teacher`; the caller deletes the checkpoint in `folder`.

    A teacher that is no better than a constant output, as with random weights, is not used: the module is trained on
    the targets alone then ("pruning from scratch").

    Args:
        hold: see `TrainHooks`.
    """
    used_teacher = teacher if _beats_a_constant(job, teacher) else None
    with job.progress.task(title, _BAR) as task:
        done = 0

        def show(now: TrainStep) -> None:
            nonlocal done
            target = math.floor(_BAR * now.step / now.steps)
            score = "" if now.validation is None else f", {job.objective.metric.name} {score_text(now.validation)}"
            task.advance(target - done, f"loss {now.loss:.3f}{score}", now.loss)
            done = target

        hooks = TrainHooks(show, job.progress.note, hold, folder / CHECKPOINT_NAME)
        return finetune(module, job.splits, job.objective, settings, used_teacher, hooks)


def _beats_a_constant(job: Job, teacher: nn.Module) -> bool:
    """Whether its loss on calibration samples is clearly below that of the best constant output."""

    def compare() -> bool:
        split, objective = job.splits.calibration, job.objective
        outputs = outputs_of(teacher, split)
        constant = _constant_output(outputs, split.targets, objective.loss_name)
        if constant is None:
            return True
        own, constant_loss = (float(objective.loss(one, split.targets)) for one in (outputs, constant))
        is_better = own < _CLEARLY * constant_loss
        if not is_better:
            job.progress.note(
                f"the original is no better than a constant output (loss {own:.4g}, {constant_loss:.4g}): "
                f"training uses the targets alone"
            )
        return is_better

    return bool(job.workspace.once("the original beats a constant output", compare))


def _constant_output(outputs: Answer, targets: Tensor, loss: str) -> Tensor | None:
    """As many equal outputs: log-frequencies of the classes, or the mean target; None where neither is possible."""
    if not isinstance(outputs, Tensor):
        return None
    if loss == "cross_entropy":
        labels, classes = targets[targets != IGNORED], outputs.shape[1]
        counts = torch.bincount(labels, minlength=classes).float()
        logs = ((counts + 1e-6) / counts.sum()).log()
        return logs.reshape(classes, *[1] * (outputs.ndim - 2)).expand_as(outputs)
    is_alike = targets.is_floating_point() and targets.shape == outputs.shape
    return targets.mean(0).expand_as(outputs) if is_alike else None
