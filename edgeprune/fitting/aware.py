"""Quantization-aware training, when rounding to int8 costs too much accuracy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import nn

from edgeprune.deploy.protocol import Candidate
from edgeprune.fitting.candidate import evaluate_deployed, make_candidate
from edgeprune.fitting.granularity import Again
from edgeprune.fitting.job import Job
from edgeprune.fitting.record import AwareRecord, EpochRecord
from edgeprune.fitting.training import CHECKPOINT_NAME, settings_of, train
from edgeprune.model.twin import copied
from edgeprune.train.evaluate import evaluate
from edgeprune.train.fake_quantized import FakeQuantized
from edgeprune.train.optimizer import DEFAULT_LR
from edgeprune.train.training_state import TrainSettings

_LR_SHARE = 0.1  # of the training's: the weights have only to settle on the grid


@dataclass(frozen=True, eq=False)
class Settled:
    """The better of a candidate before and after such training.

    record: what was tried; None where nothing had to be, or could be.
    """

    candidate: Candidate
    record: AwareRecord | None


def settle_on_grid(
    job: Job, candidate: Candidate, teacher: nn.Module, epochs: int, stage: str, again: Again
) -> Settled:
    """Trains a network that fits with int8's rounding in its forward pass, if int8 lost more than `int8_drop_points`.

    Args:
        epochs: to train; with none left the loss is only reported.
        stage: of the candidate.
        again: what training must hold of a network that is masked (`Granularity.again`).
    """
    metric, validation = job.objective.metric, job.splits.validation
    network, once = candidate.network, job.workspace.once
    real = once(f"{stage}: float validation", lambda: evaluate(network.module, validation, metric))
    before = once(f"{stage}: int8 validation", lambda: evaluate_deployed(candidate, validation, metric))
    lost_points = metric.drop_points(real, before)
    if lost_points <= job.options.int8_drop_points:
        return Settled(candidate, None)
    job.progress.note(f"int8 loses {lost_points:.2f} points of {metric.name} on validation")
    if epochs == 0:
        job.progress.note("no epoch is left for quantization-aware training: raise --epochs")
        return Settled(candidate, None)
    folder = job.workspace.folder / "steps" / f"{stage}-aware".replace(" ", "-")

    def settle() -> dict[str, Any]:
        module = copied(network.module)
        student = FakeQuantized(module, job.splits.calibration)
        hold, title = again(module), f"{stage}: training on the int8 grid"
        trained = train(job, student, _settings(job, epochs), teacher, title, folder, hold)
        network.with_module(module).save(folder)
        (folder / CHECKPOINT_NAME).unlink(missing_ok=True)
        return {"epochs": epochs, "training": [asdict(epoch) for epoch in trained.epochs]}

    result = once(f"{stage}: aware", settle, folder)
    settled = make_candidate(job, network.load_thinned(folder, job.input_shape), f"{stage} aware")
    after = once(f"{stage} aware: int8 validation", lambda: evaluate_deployed(settled, validation, metric))
    kept = not settled.footprint.exceeds(job.budget) and metric.is_better(after, before)
    training = tuple(EpochRecord(**epoch) for epoch in result["training"])
    record = AwareRecord(epochs=epochs, before=before, after=after, kept=kept, training=training)
    return Settled(settled if kept else candidate, record)


def _settings(job: Job, epochs: int) -> TrainSettings:
    lr = (job.project.training.lr or DEFAULT_LR["sgd"]) * _LR_SHARE
    return replace(settings_of(job, epochs), lr=lr, optimizer="sgd", similarity=0.0)
