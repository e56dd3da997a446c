"""The main job: thin and quantize until what is built and its measured memory are within the limits, then prove it.

Every stage is noted in the run's folder as soon as it is done (`files/workspace.py`), so a fit can be resumed after a
kill at any moment.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from math import ceil

from torch import nn

from edgeprune.budget import Budget, Footprint
from edgeprune.deploy.protocol import Candidate, Cost
from edgeprune.errors import DoesNotFit
from edgeprune.fitting.aware import Settled, settle_on_grid
from edgeprune.fitting.candidate import make_candidate
from edgeprune.fitting.constant_samples import constant_inputs, constant_targets, refuse_constant
from edgeprune.fitting.doubts import why_unjudged
from edgeprune.fitting.early_exit import exited, with_exit
from edgeprune.fitting.granularity import AFTER, Granularity, Hold, MaskSaving
from edgeprune.fitting.job import Job
from edgeprune.fitting.lone_channels import knowing_lone_channels
from edgeprune.fitting.record import MaskRecord, RunRecord, StepRecord
from edgeprune.fitting.recorded import Fitted, write_record
from edgeprune.fitting.rounds import allocate_widths, as_thinned, held_widths, readers_solved, thin_to, tightened
from edgeprune.fitting.same_work import check_same_work
from edgeprune.fitting.schedule import scheduled
from edgeprune.progress import Gauge
from edgeprune.prune.network import Network
from edgeprune.train.agreement import check_together
from edgeprune.train.evaluate import evaluate
from edgeprune.units import microseconds_text

_MOST_ROUNDS = 4


def run_fit(job: Job, granularity: Granularity, module: nn.Module) -> RunRecord:
    """The whole of `edgeprune fit`; the run's folder holds everything when it returns.

    Args:
        granularity: what is removed beside channels.
        module: the trained network, which is left as it is.

    Raises:
        DoesNotFit: a limit cannot be met; the message states what could be reached.
        ModelError, DataError, ToolchainError, VerificationError, DeviceError: from the stages.
    """
    check_same_work(job, module)
    check_together(module, job.splits, job.objective)
    refuse_constant(constant_inputs(job.splits))
    if job.options.epochs > 0:
        refuse_constant(constant_targets(module, job.splits, job.objective))
    original = Network.of(module, job.input_shape)
    _check_scores(job, original)
    cost = job.deployment.cost(with_exit(job, original))
    before = cost.footprint(original.widths)
    job.progress.note(_summary("before", before, job.budget))
    _show(job, "before", before)
    if before.latency_us is None and job.budget.latency_us is not None:
        job.progress.note(
            f"a kernel's cost was never measured on {job.target.cpu.core}: channels are not chosen by latency, which "
            "is checked once the image runs"
        )
    else:
        for why in why_unjudged(before, job.budget, job.target.cpu.core):
            job.progress.note(why)
    job.deployment.check(original)
    settled, cost, steps = _until_it_fits(job, granularity, original, cost)
    candidate, predicted = settled.candidate, cost.footprint(settled.candidate.network.widths)
    saving = granularity.saving(job, candidate.network, cost)
    masks = None
    if saving is not None:
        masks, predicted = _saved(job, granularity.name, candidate, saving), saving.footprint
    if job.options.optimize is None and not job.options.ram_first:
        candidate, predicted = candidate.upgraded(predicted)
    proof = candidate.prove(job.splits.test.take(job.options.board_samples))
    job.progress.note(_summary("after", proof.footprint, job.budget))
    record = write_record(
        job, Fitted(original, before, candidate, predicted, tuple(steps), settled.record, masks, proof)
    )
    for scaffolding in ("candidates", "steps"):
        shutil.rmtree(job.workspace.folder / scaffolding, ignore_errors=True)
    return record


def _check_scores(job: Job, original: Network) -> None:
    """Raises DataError where the metric of a whole split is no number: nothing that is made could be judged by it."""
    once, metric = job.workspace.once, job.objective.metric
    once("float validation before", lambda: evaluate(original.module, job.splits.validation, metric))
    once("float accuracy before", lambda: evaluate(original.module, job.splits.test, metric))


def _until_it_fits(
    job: Job, granularity: Granularity, original: Network, cost: Cost
) -> tuple[Settled, Cost, list[StepRecord]]:
    """Rounds of thinning, each with a tighter budget than the last, until what is built is within the limits.

    Returns:
        The network that fits, the costs it was thinned by, and the steps that took.
    """
    network, budget, epochs_left = original, job.budget, job.options.epochs
    steps: list[StepRecord] = []
    measured: Footprint | None = None
    for number in range(1, _MOST_ROUNDS + 1):
        stage = f"round {number}"
        if cost.footprint(network.widths).exceeds(budget):
            # later rounds take away little; they train on the epoch that the first leaves over, where there are two
            epochs = min(epochs_left, max(1, epochs_left - 1) if number == 1 else 1)
            if number == 1:
                network = granularity.shrink(job, network, cost, budget, stage)
                cost = cost.of(with_exit(job, network))
            room, goal = granularity.room(job, network, cost, budget, stage), network.widths
            held = held_widths(job, network, cost, room) if number == 1 else None
            if held is not None:
                goal, cost = held
            elif cost.footprint(goal).exceeds(room):
                try:
                    recovery = as_thinned if granularity.moment == AFTER else readers_solved
                    goal, cost = allocate_widths(job, network, cost, room, stage, recovery)
                except DoesNotFit as refused:
                    if measured is None:
                        raise
                    raise DoesNotFit(
                        f"built and measured, {_over(measured, job.budget)} of the limit; with limits lower by what "
                        f"it was over, {refused.message}",
                        hint=_raised(measured, job.budget),
                    ) from refused
            _show(job, f"{stage}, planned", cost.footprint(goal))
            wide, schedule = network, job.options.schedule if number == 1 else None
            if schedule is None:
                begin = partial(_begin, granularity, job, cost, budget)
                network, taken = thin_to(job, wide, goal, original.module, epochs, stage, begin)
            else:
                network, taken = scheduled(job, wide, goal, epochs, stage, schedule)
            cost = knowing_lone_channels(cost, wide, network)
            steps.extend(taken)
            epochs_left = max(0, epochs_left - epochs)
        candidate = make_candidate(job, network, stage)
        _show(job, f"{stage}, built", candidate.footprint)
        if not candidate.footprint.exceeds(job.budget):
            settled = settle_on_grid(job, candidate, original.module, epochs_left, stage, granularity.again)
            candidate = exited(job, settled.candidate, stage)
            if not candidate.footprint.exceeds(job.budget):
                return replace(settled, candidate=candidate), cost, steps
        measured = candidate.footprint
        job.progress.note(f"built and measured, {_over(measured, job.budget)} of the limit: tightening")
        budget, cost = tightened(budget, measured, job.budget), cost.measured(measured)
    assert measured is not None
    raise DoesNotFit(
        f"after {_MOST_ROUNDS} rounds the {job.deployment.product} still needs {measured.flash_bytes:,} B of flash "
        f"and {measured.ram_bytes:,} B of RAM: {_over(measured, job.budget)} of the limit",
        hint=_raised(measured, job.budget),
    )


def _over(footprint: Footprint, budget: Budget) -> str:
    return ", ".join(f"{name} at {ratio:.1%}" for name, ratio in footprint.excess(budget).items())


def _raised(footprint: Footprint, budget: Budget) -> str:
    """What the limits that are broken would have to be."""
    needed = {
        "flash": f"--flash {footprint.flash_bytes}",
        "ram": f"--ram {footprint.ram_bytes}",
        "latency": "" if footprint.judged_us is None else f"--latency {ceil(footprint.judged_us)}us",
    }
    over = [needed[name] for name, ratio in footprint.excess(budget).items() if ratio > 1]
    return f"it would take {' '.join(over)}; or choose a larger target"


def _begin(granularity: Granularity, job: Job, cost: Cost, budget: Budget, module: nn.Module, step: str) -> Hold:
    return granularity.begin(job, module, cost, budget, step)


def _saved(job: Job, granularity: str, candidate: Candidate, saving: MaskSaving) -> MaskRecord:
    """What the masks saved, the candidate's own image against one of its network without them."""
    flash_bytes, without_bytes = candidate.footprint.flash_bytes, saving.unmasked_flash_bytes
    saved_bytes = without_bytes - flash_bytes
    job.progress.note(
        f"{granularity}: {saving.density:.1%} of the weights stay; the {job.deployment.product} takes "
        f"{flash_bytes:,} B, without masks {without_bytes:,} B: "
        + (f"{saved_bytes:,} B saved" if saved_bytes > 0 else "nothing is saved")
    )
    return MaskRecord(
        granularity=granularity,
        density=saving.density,
        flash_bytes=flash_bytes,
        unmasked_flash_bytes=without_bytes,
        saved_bytes=saved_bytes,
    )


def _show(job: Job, when: str, footprint: Footprint) -> None:
    budget = job.budget
    texts = {
        "flash": f"{footprint.flash_bytes:,} of {budget.flash_bytes:,} B",
        "ram": f"{footprint.ram_bytes:,} of {budget.ram_bytes:,} B",
    }
    if footprint.latency_us is not None and budget.latency_us is not None:
        texts["latency"] = _time_of(footprint, budget.latency_us)
    job.progress.gauges(when, [Gauge(name, used, texts[name]) for name, used in footprint.excess(budget).items()])


def _summary(when: str, footprint: Footprint, budget: Budget) -> str:
    unjudged = f"{', '.join(footprint.unjudged(budget))} cannot be judged"
    fits = "fits" if footprint.fits(budget) else "does not fit" if footprint.exceeds(budget) else unjudged
    time = ""
    if footprint.latency_us is not None and budget.latency_us is not None:
        time = f", {_time_of(footprint, budget.latency_us)}"
    return (
        f"{when}: flash {footprint.flash_bytes:,} of {budget.flash_bytes:,} B, RAM {footprint.ram_bytes:,} of "
        f"{budget.ram_bytes:,} B (peak at {footprint.peak_layer}){time}, {footprint.macs:,} MACs: {fits}"
    )


def _time_of(footprint: Footprint, limit_us: float) -> str:
    assert footprint.latency_us is not None
    most = "" if footprint.latency_range_us is None else f" (up to {microseconds_text(footprint.latency_range_us[1])})"
    return f"{microseconds_text(footprint.latency_us)}{most} of {microseconds_text(limit_us)}"
