"""Writes the record of a finished fit (`run.json`) and keeps the run's products."""

from __future__ import annotations

import hashlib
import platform
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from edgeprune.budget import Footprint
from edgeprune.deploy.proof import Proof
from edgeprune.deploy.protocol import Candidate
from edgeprune.files.atomic import write_bytes
from edgeprune.fitting.answers import answers_record
from edgeprune.fitting.candidate import deployed_answer
from edgeprune.fitting.constant_samples import constant_targets
from edgeprune.fitting.doubts import doubts, doubts_of_drop, why_unjudged
from edgeprune.fitting.early_exit import exit_record
from edgeprune.fitting.job import Job
from edgeprune.fitting.record import (
    Accuracy,
    AnswersRecord,
    ArenaRecord,
    AwareRecord,
    BoardTimeRecord,
    FootprintRecord,
    LayerRecord,
    LayerSqnrRecord,
    MaskRecord,
    RunRecord,
    StepRecord,
    save_record,
)
from edgeprune.model.answers import rebuilt
from edgeprune.prune.network import Network
from edgeprune.release import __version__
from edgeprune.train.evaluate import evaluate, outputs_of

_PACKAGES = ("torch", "ai-edge-litert", "numpy")


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit came to.

    Attributes:
        original: the network as it came.
        before, predicted: footprints of the original, and of the candidate before it was built within the limits.
        candidate: that was proved.
        steps: thinning took.
        aware: quantization-aware training; None where none was tried.
        masks: what masked weights saved; None without any.
    """

    original: Network
    before: Footprint
    candidate: Candidate
    predicted: Footprint
    steps: tuple[StepRecord, ...]
    aware: AwareRecord | None
    masks: MaskRecord | None
    proof: Proof


def write_record(job: Job, fitted: Fitted) -> RunRecord:
    """The record, kept in the run's folder beside everything it names."""
    record = _record(job, fitted)
    save_record(record, job.workspace.folder)
    return record


def _record(job: Job, fitted: Fitted) -> RunRecord:
    candidate, proof = fitted.candidate, fitted.proof
    accuracy, answers = _accuracy(job, fitted)
    after = proof.footprint
    sqnr_db = candidate.artifact.sqnr_db
    metric = job.objective.metric
    drop_points = metric.drop_points(accuracy.float_before, accuracy.int8)
    keeps_accuracy = job.budget.max_drop_points is None or drop_points <= job.budget.max_drop_points
    return RunRecord(
        fits=after.fits(job.budget) and keeps_accuracy,
        unjudged=after.unjudged(job.budget),
        flash_bytes=after.flash_bytes,
        flash_limit_bytes=job.budget.flash_bytes,
        ram_bytes=after.ram_bytes,
        ram_limit_bytes=job.budget.ram_bytes,
        arena_bytes=after.ram_parts.get("arena"),
        stack_bytes=after.ram_parts.get("stack"),
        macs=after.macs,
        verified_samples=len(proof.outputs[0]),
        source=proof.source,
        run=str(job.workspace.folder),
        accuracy=accuracy,
        drop_points=drop_points,
        counted_error=None if metric.higher_is_better else metric.counted_error(accuracy.float_before),
        target=job.target.name,
        board=proof.device,
        model=job.project.model.name,
        model_sha256=hashlib.sha256(candidate.artifact.data).hexdigest(),
        edgeprune_version=__version__,
        created=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        command=job.options.command,
        product=job.deployment.product,
        ticks=proof.clock,
        total_ticks=proof.total_ticks,
        total_us=proof.total_us,
        board_time=None if proof.board_time is None else BoardTimeRecord(**asdict(proof.board_time)),
        latency_limit_us=job.budget.latency_us,
        max_drop_points=job.budget.max_drop_points,
        before=FootprintRecord.of(fitted.before),
        predicted=FootprintRecord.of(fitted.predicted),
        after=FootprintRecord.of(after),
        widths_before=fitted.original.widths,
        widths=candidate.network.widths,
        removed=tuple(block.name for block in candidate.network.removed),
        steps=fitted.steps,
        quantization_aware=fitted.aware,
        masks=fitted.masks,
        early_exit=exit_record(job, candidate, proof.exit_ticks),
        faster=candidate.faster,
        in_ram=candidate.in_ram,
        layer_names=candidate.artifact.layers,
        layers=tuple(LayerRecord(**asdict(layer)) for layer in proof.layers),
        sqnr_db=sqnr_db,
        layer_sqnr=tuple(LayerSqnrRecord(**asdict(layer)) for layer in candidate.artifact.layer_sqnr),
        arena=tuple(ArenaRecord(**asdict(block)) for block in proof.arena),
        answers=answers,
        seed=job.project.training.seed,
        versions=_versions(),
        doubts=(
            *constant_targets(fitted.original.module, job.splits, job.objective),
            *doubts(accuracy, metric, job.splits.calibration, sqnr_db, (fitted.predicted, after)),
            *doubts_of_drop(accuracy, metric, job.budget.max_drop_points),
            *why_unjudged(after, job.budget, job.target.cpu.core),
        ),
        artifacts=_keep(job, candidate),
        seconds_by_stage=job.workspace.seconds_by_stage,
    )


def _accuracy(job: Job, fitted: Fitted) -> tuple[Accuracy, AnswersRecord | None]:
    """Scores over the test split, and what was taken for what."""
    metric, test, once = job.objective.metric, job.splits.test, job.workspace.once
    candidate, outputs = fitted.candidate, fitted.proof.outputs
    count = len(outputs[0])
    on_device = rebuilt(candidate.network.traced.recording.answer, map(torch.from_numpy, outputs))

    def judged() -> dict[str, Any]:
        thinned, answer = outputs_of(candidate.network.module, test), deployed_answer(candidate, test)
        compared = {
            "float": (thinned, test.targets),
            "int8": (answer, test.targets),
            "device": (on_device, test.targets[:count]),
        }
        answers = answers_record(metric, job.splits.class_names, compared)
        return {
            "int8": float(metric.score(answer, test.targets)),
            "answers": None if answers is None else answers.model_dump(),
        }

    noted = once("int8 accuracy", judged)
    accuracy = Accuracy(
        metric=metric.name,
        float_before=once("float accuracy before", lambda: evaluate(fitted.original.module, test, metric)),
        float=once("float accuracy", lambda: evaluate(candidate.network.module, test, metric)),
        int8=noted["int8"],
        int8_samples=len(test),
        device=float(metric.score(on_device, test.targets[:count])),
        device_samples=count,
    )
    return accuracy, None if noted["answers"] is None else AnswersRecord(**noted["answers"])


def _versions() -> dict[str, str]:
    """Of what a run's figures come from."""
    found = {"edgeprune": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _keep(job: Job, candidate: Candidate) -> dict[str, str]:
    """The run's products at the top of its folder, by kind."""
    folder = job.workspace.folder
    candidate.network.save(folder)
    kept = {"weights": "weights.safetensors", "widths": "widths.json", "blocks": "blocks.json"} | candidate.save(folder)
    if candidate.early_exit is not None:
        kept["early_exit"] = "early_exit.safetensors"
        write_bytes(folder / kept["early_exit"], candidate.early_exit.head.read_bytes())
    return kept
