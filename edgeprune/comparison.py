"""`edgeprune compare`: criteria and schedules at the same limits, on the same data, with the same seeds.

Widths are chosen for each criterion by its own sensitivities under the limits, and linked as `fit` links them before it
trains; then every schedule trains them, and each trained network is exported to int8, linked and booted on the emulated
machine. What wins is decided by the int8 network on validation samples; test samples are looked at once per result, for
the record. Everything done is noted in the folder, so that a comparison cut off goes on where it was.
"""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgeprune.budget import Budget
from edgeprune.cost.flash import EngineBaseline
from edgeprune.errors import UsageError
from edgeprune.export.exporter import Exporter
from edgeprune.fitting.candidate import make_candidate
from edgeprune.fitting.cost import WidthCost, measure_baseline
from edgeprune.fitting.job import FitOptions, Job
from edgeprune.fitting.limits import Limits, budget_for
from edgeprune.fitting.network import Network
from edgeprune.fitting.rounds import allocate_widths
from edgeprune.fitting.schedule import Thinning, find_schedule
from edgeprune.fitting.workspace import Workspace
from edgeprune.model.load import load_module
from edgeprune.progress import Progress
from edgeprune.project import Project
from edgeprune.prune.classes import keep_classes
from edgeprune.prune.criterion import find_criterion
from edgeprune.quantize.host import evaluate_int8
from edgeprune.target.registry import load_target
from edgeprune.train.data import check_together, load_data
from edgeprune.train.evaluate import evaluate
from edgeprune.train.objective import make_objective


@dataclass(frozen=True)
class Question:
    """What is compared; all of it decides the answer.

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
        fits: they, and the latency at one instruction a cycle, are within the limits.
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
    """All methods' results, in the order asked for.

    Args:
        folder: gets the notes; one that holds a comparison is gone on with.
        options: of `fit`; criterion, steps and epochs are the question's.

    Raises:
        UsageError: an unknown criterion or schedule, or a folder that holds another comparison.
        DoesNotFit: limits no widths meet.
        EdgePruneError: as the stages of a fit find.
    """
    for name in question.criteria:
        find_criterion(name)
    for name in question.schedules:
        if find_schedule(name).needs_early and question.rewind is None:
            raise UsageError(
                f"the schedule '{name}' needs early weights", hint="--rewind FILE, saved as the trained ones"
            )
    workspace = _workspace(folder, asdict(question))
    target = load_target(question.target)
    module = load_module(project.model.entry, project.model.weights, project.root)
    splits, objective = load_data(project), make_objective(project)
    if project.task.classes is not None:
        module = keep_classes(module, project.model.input, project.task.classes)
        splits = splits.of_classes(project.task.classes)
    check_together(module, splits, objective.loss_name)
    original = Network.of(module, project.model.input)
    budget = budget_for(target, question.limits)
    job = Job(project, target, budget, options, splits, objective, workspace, progress)

    def measured() -> dict[str, Any]:
        return asdict(measure_baseline(original, target, options.kernels, folder / "baseline"))

    cost = WidthCost(original, target, options.kernels, EngineBaseline(**workspace.once("baseline", measured)))
    with Exporter() as exporter:
        return [
            _result(job, original, cost, exporter, question, criterion, schedule, scale)
            for scale in question.scales
            for criterion in question.criteria
            for schedule in question.schedules
        ]


def _result(
    job: Job,
    original: Network,
    cost: WidthCost,
    exporter: Exporter,
    question: Question,
    criterion: str,
    schedule: str,
    scale: float,
) -> Result:
    budget = _scaled(job.budget, scale)
    mine = replace(job, budget=budget, options=replace(job.options, criterion=criterion, epochs=question.epochs))

    def sized() -> dict[str, Any]:
        widths, exact = allocate_widths(mine, original, cost, budget, criterion)
        found = exact.footprint(widths)
        return {"widths": widths, "flash_bytes": found.flash_bytes, "ram_bytes": found.ram_bytes}

    size = job.workspace.once(f"{criterion} at {scale:g}: widths", sized)
    noted = []
    for seed in range(question.seeds):
        stage = f"{criterion}, {schedule}, at {scale:g}, seed {seed}"
        training = job.project.training.model_copy(update={"seed": seed})
        project = job.project.model_copy(update={"training": training})
        project._root = job.project.root
        seeded = replace(mine, project=project)

        def judged(seeded: Job = seeded, stage: str = stage) -> dict[str, Any]:
            torch.manual_seed(seeded.project.training.seed)
            early = None if question.rewind is None else Path(question.rewind)
            thinning = Thinning(seeded, original, size["widths"], stage, early)
            return _judged(seeded, find_schedule(schedule).run(thinning), exporter, stage)

        noted.append(job.workspace.once(stage, judged))
    flash_bytes, ram_bytes, instructions = (
        max(one[name] for one in noted) for name in ("flash_bytes", "ram_bytes", "instructions")
    )
    latency_us = instructions * 1e6 / job.target.cpu.clock_hz
    in_time = budget.latency_us is None or latency_us <= budget.latency_us
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


_FIGURES = ("validation", "test", "int8_validation", "int8_test")


def _judged(job: Job, module: nn.Module, exporter: Exporter, stage: str) -> dict[str, Any]:
    """What a trained network is worth, before and after int8, and what its linked image takes."""
    metric, splits = job.objective.metric, (job.splits.validation, job.splits.test)
    candidate = make_candidate(job, Network.of(module, job.input_shape), exporter, stage)
    scores = [evaluate(module, split, metric) for split in splits]
    scores += [evaluate_int8(candidate.tflite, split, metric) for split in splits]
    job.progress.note(
        f"{stage}: {metric.name} {scores[0]:.2f} on validation, {scores[2]:.2f} as int8; on test {scores[1]:.2f} and "
        f"{scores[3]:.2f}"
    )
    linked = candidate.footprint
    sizes = {"flash_bytes": linked.flash_bytes, "ram_bytes": linked.ram_bytes, "instructions": candidate.instructions}
    return sizes | dict(zip(_FIGURES, scores, strict=True))


def _workspace(folder: Path, request: dict[str, Any]) -> Workspace:
    if not (folder / "state.json").is_file():
        return Workspace.begin(folder.parent, folder.name, _plain(request))
    workspace = Workspace.resume(folder)
    if workspace.request != _plain(request):
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
    found = []
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
        found.append(Verdict(scale, ranked[0].method, second, lead, noise, clear))
    return found
