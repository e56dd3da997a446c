"""Quantization-aware training, when rounding to int8 costs more accuracy than it should."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from edgeprune.export.exporter import Exporter
from edgeprune.fitting.candidate import Candidate, make_candidate
from edgeprune.fitting.job import Job
from edgeprune.fitting.record import AwareRecord
from edgeprune.fitting.training import CHECKPOINT_NAME, settings_of, train
from edgeprune.quantize.host import evaluate_int8
from edgeprune.quantize.qat import FakeQuantized
from edgeprune.train.evaluate import evaluate
from edgeprune.train.finetune import TrainSettings
from edgeprune.train.optimizer import DEFAULT_LR

_LR_SHARE = 0.1  # of the training's: the weights have only to settle on the grid


@dataclass(frozen=True, eq=False)
class Settled:
    """The better of a candidate before and after such training.

    record: what was tried; None where nothing had to be, or could be.
    """

    candidate: Candidate
    record: AwareRecord | None


def settle_on_grid(
    job: Job, candidate: Candidate, exporter: Exporter, teacher: nn.Module, epochs: int, stage: str
) -> Settled:
    """Trains a network that fits with int8's rounding in its forward pass, if int8 lost more than it should.

    Args:
        epochs: that may be spent; with none left the loss is only said.
        stage: of the candidate.
    """
    metric, validation = job.objective.metric, job.splits.validation
    network, once = candidate.network, job.workspace.once
    real = once(f"{stage}: float validation", lambda: evaluate(network.module, validation, metric))
    before = once(f"{stage}: int8 validation", lambda: evaluate_int8(candidate.tflite, validation, metric))
    lost_points = metric.drop_points(real, before)
    if lost_points <= job.options.int8_drop_points:
        return Settled(candidate, None)
    job.progress.note(f"int8 loses {lost_points:.2f} points of {metric.name} on validation")
    if epochs == 0:
        job.progress.note("no epoch is left for quantization-aware training: raise --epochs")
        return Settled(candidate, None)
    folder = job.workspace.folder / "steps" / f"{stage}-aware".replace(" ", "-")

    def settle() -> dict[str, Any]:
        module = copy.deepcopy(network.module)
        student = FakeQuantized(module, job.splits.calibration)
        hold, title = job.granularity.again(module), f"{stage}: training on the int8 grid"
        train(job, student, _settings(job, epochs), teacher, title, folder, hold)
        network.with_module(module).save(folder)
        (folder / CHECKPOINT_NAME).unlink(missing_ok=True)
        return {"epochs": epochs}

    once(f"{stage}: aware", settle)
    settled = make_candidate(job, network.load_thinned(folder, job.input_shape), exporter, f"{stage} aware")
    after = once(f"{stage} aware: int8 validation", lambda: evaluate_int8(settled.tflite, validation, metric))
    kept = settled.footprint.fits(job.budget) and metric.is_better(after, before)
    return Settled(settled if kept else candidate, AwareRecord(epochs=epochs, before=before, after=after, kept=kept))


def _settings(job: Job, epochs: int) -> TrainSettings:
    lr = (job.project.training.lr or DEFAULT_LR["sgd"]) * _LR_SHARE
    return replace(settings_of(job, epochs), lr=lr, optimizer="sgd", similarity=0.0)
