"""The main job: thin and quantize until the linked image and the measured stack are within the limits, then prove it.

Every stage is noted in the run's folder as soon as it is done (`workspace.py`), so a fit goes on after a kill at any
moment with the work it had.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from edgeprune.atomic import write_bytes, write_text
from edgeprune.budget import Budget, Footprint
from edgeprune.cost.flash import EngineBaseline
from edgeprune.cost.latency import predicted_instructions
from edgeprune.errors import DoesNotFit, UsageError
from edgeprune.export.exporter import Exporter
from edgeprune.export.tflite import export_tflite
from edgeprune.fitting.aware import Settled, settle_on_grid
from edgeprune.fitting.candidate import Candidate, make_candidate
from edgeprune.fitting.cost import WidthCost, measure_baseline
from edgeprune.fitting.early_exit import exit_record, exited, with_exit
from edgeprune.fitting.granularity import Masked
from edgeprune.fitting.job import Job
from edgeprune.fitting.network import Network
from edgeprune.fitting.prove import Proof, prove
from edgeprune.fitting.record import (
    Accuracy,
    AwareRecord,
    FootprintRecord,
    LayerRecord,
    MaskRecord,
    RunRecord,
    StepRecord,
    save_record,
)
from edgeprune.fitting.rounds import BeginStep, allocate_widths, thin_to, tightened
from edgeprune.fitting.spend import spend_flash
from edgeprune.graph.clean import clean
from edgeprune.kernels import check_supported
from edgeprune.quantize.host import evaluate_int8
from edgeprune.release import __version__
from edgeprune.train.data import check_together
from edgeprune.train.evaluate import evaluate

_MOST_ROUNDS = 4
_TRIAL_SAMPLES = 8


def run_fit(job: Job, module: nn.Module) -> RunRecord:
    """The whole of `edgeprune fit`; the run's folder holds everything when it returns.

    Args:
        module: the trained network, which is left as it is.

    Raises:
        DoesNotFit: a limit cannot be met, in words with what could be reached.
        ModelError, DataError, ToolchainError, VerificationError, DeviceError: as the stages find.
    """
    _same_network(job, module)
    check_together(module, job.splits, job.objective.loss_name)
    original = Network.of(module, job.input_shape)
    leaving = with_exit(job, original)
    cost = WidthCost(leaving, job.target, job.options.kernels, _baseline(job, leaving), job.options.ram_first)
    before = cost.footprint(original.widths)
    job.progress.note(_said("before", before, job.budget))
    if before.latency_us is None and job.budget.latency_us is not None:
        job.progress.note(
            f"a kernel's cost was never measured on {job.target.cpu.core}: channels are not chosen by latency, which "
            "is checked once the image runs"
        )
    steps: list[StepRecord] = []
    with Exporter() as exporter:
        settled, cost = _until_it_fits(job, original, cost, exporter, steps)
    candidate, predicted = settled.candidate, cost.footprint(settled.candidate.network.widths)
    masked = job.granularity.masked(job, candidate.network, cost)
    masks = None
    if masked is not None:
        masks, predicted = _saved(job, candidate, masked), masked.footprint
    if job.options.optimize is None and not job.options.ram_first:
        candidate, predicted = spend_flash(job, candidate, predicted)
    proof = prove(job, candidate)
    job.progress.note(_said("after", proof.footprint(candidate), job.budget))
    record = _record(job, original, candidate, settled.record, masks, before, predicted, proof, tuple(steps))
    save_record(record, job.workspace.folder)
    for scaffolding in ("baseline", "candidates", "sizing", "steps"):
        shutil.rmtree(job.workspace.folder / scaffolding, ignore_errors=True)
    return record


def _same_network(job: Job, module: nn.Module) -> None:
    """A resumed run must go on with the network it began with: its notes are about that one.

    Raises:
        UsageError: the module's parameters or buffers are others.
    """
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().contiguous().flatten().view(torch.uint8).numpy())
    found = digest.hexdigest()
    if job.workspace.once("network", lambda: found) != found:
        raise UsageError(
            "the network is not the one this run began with: its weights are others",
            hint="bring back the model and weights of then, or start anew without --resume",
        )


def _check_exportable(job: Job, original: Network, exporter: Exporter) -> None:
    """Before anything is trained: does the converter take the network, and the engine what comes out?

    Raises:
        ModelError: the converter does not.
        UnsupportedOp: an operator of the file is outside the engine's set.
    """

    def check() -> bool:
        samples = job.splits.calibration.take(_TRIAL_SAMPLES).tensor()
        check_supported(clean(export_tflite(original.module, samples, exporter).graph()))
        return True

    job.workspace.once("exportable", check)


def _baseline(job: Job, original: Network) -> EngineBaseline:
    def measure() -> dict[str, Any]:
        folder, options = job.workspace.folder / "baseline", job.options
        found = measure_baseline(original, job.target, options.kernels, folder, options.ram_first)
        return {
            "flash_parts": dict(found.flash_parts),
            "data_bytes": found.data_bytes,
            "stack_bytes": found.stack_bytes,
        }

    return EngineBaseline(**job.workspace.once("baseline", measure))


def _until_it_fits(
    job: Job, original: Network, cost: WidthCost, exporter: Exporter, steps: list[StepRecord]
) -> tuple[Settled, WidthCost]:
    """Rounds of thinning, each with a tighter budget than the last, until the linked image is within the limits.

    Returns:
        The network that fits, and the costs it was thinned by.
    """
    network, budget, epochs_left = original, job.budget, job.options.epochs
    for number in range(1, _MOST_ROUNDS + 1):
        stage = f"round {number}"
        if not cost.footprint(network.widths).fits(budget):
            # later rounds take away little; they train on what the first left over, at least an epoch's worth
            epochs = max(1, epochs_left - 1) if number == 1 else min(1, epochs_left)
            if number == 1:
                network = job.granularity.shrink(job, network, cost, budget, stage)
                cost = cost.of(with_exit(job, network))
            room, goal = job.granularity.room(job, network, cost, budget, stage), network.widths
            if not cost.footprint(goal).fits(room):
                goal, cost = allocate_widths(job, network, cost, room, stage)
            network, taken = thin_to(job, network, goal, original.module, epochs, stage, _beginning(job, cost, budget))
            steps.extend(taken)
            epochs_left -= epochs
        candidate = make_candidate(job, network, exporter, stage)
        if candidate.footprint.fits(job.budget):
            settled = settle_on_grid(job, candidate, exporter, original.module, epochs_left, stage)
            candidate = exited(job, settled.candidate, exporter, stage)
            if candidate.footprint.fits(job.budget):
                return replace(settled, candidate=candidate), cost
        over = ", ".join(f"{name} at {ratio:.1%}" for name, ratio in candidate.footprint.excess(job.budget).items())
        job.progress.note(f"linked and measured, {over} of the limit: tightening")
        budget, cost = tightened(budget, candidate.footprint, job.budget), cost.remeasured(candidate.baseline)
    raise DoesNotFit(
        f"after {_MOST_ROUNDS} rounds the linked image still needs {candidate.footprint.flash_bytes:,} B of flash and "
        f"{candidate.footprint.ram_bytes:,} B of RAM: {over} of the limit",
        hint="loosen the limit that is over by a little, or choose a larger target",
    )


def _beginning(job: Job, cost: WidthCost, budget: Budget) -> BeginStep:
    return lambda module, step: job.granularity.begin(job, module, cost, budget, step)


def _saved(job: Job, candidate: Candidate, masked: Masked) -> MaskRecord:
    """What the masks saved, the candidate's own image against one of its network without them."""
    flash_bytes, without_bytes = candidate.footprint.flash_bytes, masked.unmasked_flash_bytes
    saved_bytes = without_bytes - flash_bytes
    job.progress.note(
        f"{job.options.granularity}: {masked.density:.1%} of the weights stay; the linked image takes "
        f"{flash_bytes:,} B, without masks {without_bytes:,} B: "
        + (f"{saved_bytes:,} B saved" if saved_bytes > 0 else "nothing is saved")
    )
    return MaskRecord(
        granularity=job.options.granularity,
        density=masked.density,
        flash_bytes=flash_bytes,
        unmasked_flash_bytes=without_bytes,
        saved_bytes=saved_bytes,
    )


def _said(when: str, footprint: Footprint, budget: Budget) -> str:
    fits = "fits" if footprint.fits(budget) else "does not fit"
    return (
        f"{when}: flash {footprint.flash_bytes:,} of {budget.flash_bytes:,} B, RAM {footprint.ram_bytes:,} of "
        f"{budget.ram_bytes:,} B (peak at {footprint.peak_layer}), {footprint.macs:,} MACs: {fits}"
    )


def _accuracy(job: Job, original: Network, candidate: Candidate, proof: Proof) -> Accuracy:
    metric, test, once = job.objective.metric, job.splits.test, job.workspace.once
    return Accuracy(
        metric=metric.name,
        float_before=once("float accuracy before", lambda: evaluate(original.module, test, metric)),
        float=once("float accuracy", lambda: evaluate(candidate.network.module, test, metric)),
        int8=once(
            "int8 accuracy", lambda: evaluate_int8(candidate.tflite, test, metric, exit_margin=candidate.exit_margin)
        ),
        int8_samples=len(test),
        device=proof.score,
        device_samples=len(proof.run.outputs),
    )


def _record(
    job: Job,
    original: Network,
    candidate: Candidate,
    aware: AwareRecord | None,
    masks: MaskRecord | None,
    before: Footprint,
    predicted: Footprint,
    proof: Proof,
    steps: tuple[StepRecord, ...],
) -> RunRecord:
    after, timings = proof.footprint(candidate), proof.run.timings
    accuracy = _accuracy(job, original, candidate, proof)
    drop_points = job.objective.metric.drop_points(accuracy.float_before, accuracy.int8)
    keeps_accuracy = job.budget.max_drop_points is None or drop_points <= job.budget.max_drop_points
    return RunRecord(
        fits=after.fits(job.budget) and keeps_accuracy,
        flash_bytes=after.flash_bytes,
        flash_limit_bytes=job.budget.flash_bytes,
        ram_bytes=after.ram_bytes,
        ram_limit_bytes=job.budget.ram_bytes,
        arena_bytes=after.ram_parts["arena"],
        stack_bytes=after.ram_parts["stack"],
        macs=after.macs,
        verified_samples=len(proof.run.outputs),
        source="emulator" if job.options.port is None else "device",
        run=str(job.workspace.folder),
        accuracy=accuracy,
        drop_points=drop_points,
        target=job.target.name,
        board=proof.images.judged.target,
        model=job.project.model.name,
        model_sha256=hashlib.sha256(candidate.tflite).hexdigest(),
        edgeprune_version=__version__,
        created=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        command=job.options.command,
        ticks=timings.clock_source,
        total_ticks=timings.total_ticks,
        total_us=None if timings.clock_source == "instructions" else timings.microseconds(timings.total_ticks),
        latency_limit_us=job.budget.latency_us,
        max_drop_points=job.budget.max_drop_points,
        before=FootprintRecord.of(before),
        predicted=FootprintRecord.of(predicted),
        after=FootprintRecord.of(after),
        widths_before=original.widths,
        widths=candidate.network.widths,
        removed=tuple(block.name for block in candidate.network.removed),
        steps=steps,
        quantization_aware=aware,
        masks=masks,
        early_exit=exit_record(job, candidate, proof),
        faster=tuple(sorted(candidate.model.faster)),
        layer_names=candidate.layer_names,
        layers=_layers(job, candidate, timings.layer_ticks),
        artifacts=_keep(job, candidate),
        seconds_by_stage=job.workspace.seconds_by_stage,
    )


def _layers(job: Job, candidate: Candidate, ticks: tuple[int, ...]) -> tuple[LayerRecord, ...]:
    graph, calls = candidate.model.graph, candidate.model.calls
    return tuple(
        LayerRecord(
            name=graph.ops[index].name,
            kind=str(graph.ops[index].kind),
            output_shape=graph.output_of(graph.ops[index]).shape,
            macs=calls[index].work.macs,
            predicted_ticks=predicted_instructions(calls[index], job.target.cpu),
            measured_ticks=measured,
        )
        for index, measured in zip(candidate.model.running, ticks, strict=True)
    )


def _keep(job: Job, candidate: Candidate) -> dict[str, str]:
    """The run's products at the top of its folder, by kind."""
    folder = job.workspace.folder
    candidate.network.save(folder)
    write_bytes(folder / "model.tflite", candidate.tflite)
    head = {}
    if candidate.early_exit is not None:
        head = {"early_exit": "early_exit.safetensors"}
        write_bytes(folder / head["early_exit"], candidate.early_exit.head.read_bytes())
    for name, text in candidate.model.sources().items():
        write_text(folder / "c" / name, text)
    return {
        "weights": "weights.safetensors",
        "widths": "widths.json",
        "blocks": "blocks.json",
        "tflite": "model.tflite",
        "c": "c/model.c",
        "elf": "firmware/firmware.elf",
        "bin": "firmware/firmware.bin",
        "hex": "firmware/firmware.hex",
    } | head
