"""`edgeprune compare`: criteria and schedules at the same limits, on the same data, with the same seeds.

Widths are chosen for each criterion by its own sensitivities under the limits, and linked as `fit` links them before it
trains; then every schedule trains them, and each trained network is exported to int8, linked and booted on the emulated
machine. What wins is decided by the int8 network on validation samples; test samples are looked at once per result, for
the record. Every finished stage is stored in the folder, so that an interrupted comparison can be resumed.
"""

from __future__ import annotations

import hashlib
import statistics
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgeprune.budget import Budget, Limits, Optimize
from edgeprune.deploy.protocol import Cost, Setup
from edgeprune.errors import UsageError
from edgeprune.files.workspace import Workspace
from edgeprune.fitting.candidate import evaluate_deployed, make_candidate
from edgeprune.fitting.constant_samples import refuse_constant
from edgeprune.fitting.job import FitOptions, Job
from edgeprune.fitting.rounds import allocate_widths
from edgeprune.fitting.same_work import check_same_work
from edgeprune.fitting.schedule import SCHEDULES, Thinning
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Progress
from edgeprune.project.file import Project
from edgeprune.prune.network import Network
from edgeprune.prune.scoring.criterion import CRITERIA
from edgeprune.tasks.deployment import budget_for, deployment_on
from edgeprune.tasks.loaded import load
from edgeprune.train.evaluate import evaluate
from edgeprune.units import score_text


@dataclass(frozen=True)
class Question:
    """What is compared; a comparison is resumed only for the same question.

    Attributes:
        project: its file; None for the bundled model.
        target: name or TOML path.
        scales: the limits times each of these; 1.0 is the limits as given.
        seeds: of training, 0 .. seeds - 1.
        rewind: weights of the same network early in its training, for the schedule `rewind`.
    """

    project: str | None
    target: str
    limits: Limits
    criteria: tuple[str, ...]
    schedules: tuple[str, ...]
    scales: tuple[float, ...]
    seeds: int
    epochs: int
    rewind: str | None = None


@dataclass(frozen=True)
class Result:
    """One method at one scale of the limits. The lists have a figure a seed.

    Attributes:
        flash_bytes, ram_bytes, instructions: of the linked images on the emulated machine, the largest of all seeds.
        fits: they, and the latency as a fit judges it, are within the limits.
        predicted_flash_bytes, predicted_ram_bytes: before training.
        validation, test: of the float network; int8_validation, int8_test: of its export, LiteRT's fast kernels.
    """

    criterion: str
    schedule: str
    scale: float
    flash_limit_bytes: int
    ram_limit_bytes: int
    latency_limit_us: float | None
    flash_bytes: int
    ram_bytes: int
    instructions: int
    latency_us: float
    fits: bool
    predicted_flash_bytes: int
    predicted_ram_bytes: int
    widths: dict[str, int]
    validation: list[float]
    test: list[float]
    int8_validation: list[float]
    int8_test: list[float]

    @property
    def method(self) -> str:
        return f"{self.criterion}, {self.schedule}"


def compare(
    question: Question, project: Project, folder: Path, options: FitOptions, progress: Progress
) -> list[Result]:
    """All methods' results, in the order of the question.

    Args:
        folder: of the finished stages; one that holds a comparison is resumed.
        options: of `fit`; criterion, steps and epochs are the question's.

    Raises:
        UsageError: an unknown criterion or schedule, or a folder that holds another comparison.
        DoesNotFit: limits no widths meet.
        EdgePruneError: as the stages of a fit find.
    """
    for name in question.criteria:
        CRITERIA.find(name)
    for name in question.schedules:
        if SCHEDULES.find(name).needs_early and question.rewind is None:
            raise UsageError(
                f"the schedule '{name}' needs early weights", hint="--rewind FILE, saved as the trained ones"
            )
    with _workspace(folder, _request(question, options)) as workspace:
        return _compared(question, project, workspace, options, progress)


def _compared(
    question: Question, project: Project, workspace: Workspace, options: FitOptions, progress: Progress
) -> list[Result]:
    target = load_target(question.target)
    loaded = load(project)
    module, splits, objective = loaded.module, loaded.splits, loaded.objective
    refuse_constant(loaded.constant)
    original = Network.of(module, project.model.sample_shape)
    if target.hosted is not None:
        raise UsageError(
            f"{target.name} has an operating system: a comparison judges linked images on emulated boards",
            hint="choose a Cortex-M target: `edgeprune targets list --family cortex-m`",
        )
    budget = budget_for(target, question.limits)
    setup = Setup(target, budget, splits.calibration, None, workspace, progress)
    kernels = options.optimize or Optimize.BALANCED
    deployment = deployment_on(setup, kernels, project.model.name, options.command)
    job = Job(project, target, options, splits, objective, workspace, progress, deployment)
    check_same_work(job, module)
    deployment.check(original)
    comparison = _Comparison(job, original, deployment.cost(original), question)
    return [
        comparison.result(criterion, schedule, scale)
        for scale in question.scales
        for criterion in question.criteria
        for schedule in question.schedules
    ]


@dataclass(frozen=True, eq=False)
class _Comparison:
    """A question with what all its answers share.

    cost: of the original.
    """

    job: Job
    original: Network
    cost: Cost
    question: Question

    def result(self, criterion: str, schedule: str, scale: float) -> Result:
        job, question = self.job, self.question
        budget = _scaled(job.budget, scale)
        mine = replace(job, options=replace(job.options, criterion=criterion, epochs=question.epochs))

        def sized() -> dict[str, Any]:
            widths, exact = allocate_widths(mine, self.original, self.cost, budget, criterion)
            footprint = exact.footprint(widths)
            return {"widths": widths, "flash_bytes": footprint.flash_bytes, "ram_bytes": footprint.ram_bytes}

        size = job.workspace.once(f"{criterion} at {scale:g}: widths", sized)
        noted = [self._trained(mine, schedule, size["widths"], scale, seed) for seed in range(question.seeds)]
        flash_bytes, ram_bytes, instructions = (
            max(one[name] for one in noted) for name in ("flash_bytes", "ram_bytes", "instructions")
        )
        latency_us, judged_us = (max(one[name] for one in noted) for name in ("latency_us", "judged_us"))
        in_time = budget.latency_us is None or (
            judged_us <= budget.latency_us and all(one["predicts_time"] for one in noted)
        )
        return Result(
            criterion,
            schedule,
            scale,
            flash_limit_bytes=budget.flash_bytes,
            ram_limit_bytes=budget.ram_bytes,
            latency_limit_us=budget.latency_us,
            flash_bytes=flash_bytes,
            ram_bytes=ram_bytes,
            instructions=instructions,
            latency_us=latency_us,
            fits=flash_bytes <= budget.flash_bytes and ram_bytes <= budget.ram_bytes and in_time,
            predicted_flash_bytes=size["flash_bytes"],
            predicted_ram_bytes=size["ram_bytes"],
            widths=size["widths"],
            **{name: [one[name] for one in noted] for name in _FIGURES},
        )

    def _trained(self, job: Job, schedule: str, widths: dict[str, int], scale: float, seed: int) -> dict[str, Any]:
        stage = f"{job.options.criterion}, {schedule}, at {scale:g}, seed {seed}"
        seeded, rewind = replace(job, project=job.project.seeded(seed)), self.question.rewind

        def judged() -> dict[str, Any]:
            torch.manual_seed(seed)
            thinning = Thinning(seeded, self.original, widths, stage, None if rewind is None else Path(rewind))
            return _judged(seeded, SCHEDULES.find(schedule).run(thinning), stage)

        noted: dict[str, Any] = job.workspace.once(stage, judged)
        return noted


_FIGURES = ("validation", "test", "int8_validation", "int8_test")


def _judged(job: Job, module: nn.Module, stage: str) -> dict[str, Any]:
    """The metric of a trained network before and after int8, and the sizes of its linked image."""
    metric, splits = job.objective.metric, (job.splits.validation, job.splits.test)
    candidate = make_candidate(job, Network.of(module, job.input_shape), stage)
    scores = [evaluate(module, split, metric) for split in splits]
    scores += [evaluate_deployed(candidate, split, metric) for split in splits]
    job.progress.note(
        f"{stage}: {metric.name} {score_text(scores[0])} on validation, {score_text(scores[2])} as int8; on test "
        f"{score_text(scores[1])} and {score_text(scores[3])}"
    )
    linked = candidate.footprint
    sizes: dict[str, Any] = {
        "flash_bytes": linked.flash_bytes,
        "ram_bytes": linked.ram_bytes,
        "instructions": candidate.ticks,
    }
    sizes |= {name: getattr(linked, name) for name in ("latency_us", "judged_us", "predicts_time")}
    return sizes | dict(zip(_FIGURES, scores, strict=True))


def _request(question: Question, options: FitOptions) -> dict[str, Any]:
    """All that decides the results beside what `check_same_work` looks at, as JSON gives it back."""
    early = None if question.rewind is None else Path(question.rewind)
    digest = hashlib.sha256(early.read_bytes()).hexdigest() if early is not None and early.is_file() else None
    return dict(_plain(asdict(question) | {"rewind_sha256": digest, "optimize": options.optimize}))


def _workspace(folder: Path, request: dict[str, Any]) -> Workspace:
    if not (folder / "state.json").is_file():
        return Workspace.begin_at(folder, request)
    workspace = Workspace.resume(folder)
    if workspace.request != request:
        workspace.close()
        raise UsageError(f"{folder} holds a comparison of other things", hint="name another folder with --out")
    return workspace


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _scaled(budget: Budget, scale: float) -> Budget:
    return replace(
        budget,
        flash_bytes=round(budget.flash_bytes * scale),
        ram_bytes=round(budget.ram_bytes * scale),
        latency_us=None if budget.latency_us is None else budget.latency_us * scale,
    )


@dataclass(frozen=True)
class Verdict:
    """At one scale: the best method as int8 on validation, its lead in the metric over the second, and the noise.

    noise: standard deviation of one seed around its method's mean, over all methods; None with one seed each.
    is_clear: the lead is more than two standard errors of the difference of the means.
    """

    scale: float
    best: str
    second: str | None
    lead: float
    noise: float | None
    is_clear: bool


def verdicts(results: list[Result], higher_is_better: bool) -> list[Verdict]:
    """One for each scale."""
    of_scales = []
    for scale in dict.fromkeys(result.scale for result in results):
        here = [result for result in results if result.scale == scale]
        sign = 1 if higher_is_better else -1
        ranked = sorted(here, key=lambda result: -sign * statistics.mean(result.int8_validation))
        lead = 0.0
        if len(ranked) > 1:
            lead = sign * (statistics.mean(ranked[0].int8_validation) - statistics.mean(ranked[1].int8_validation))
        seeds = len(here[0].int8_validation)
        spread = [statistics.variance(result.int8_validation) for result in here] if seeds > 1 else []
        noise = statistics.mean(spread) ** 0.5 if spread else None
        clear = noise is not None and len(ranked) > 1 and lead > 2 * noise * (2 / seeds) ** 0.5
        second = ranked[1].method if len(ranked) > 1 else None
        of_scales.append(Verdict(scale, ranked[0].method, second, lead, noise, clear))
    return of_scales
