"""What a sweep tries: every combination of its lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

from pydantic import Field

from edgeprune.budget import Limits
from edgeprune.errors import UsageError
from edgeprune.files.schema import Name, Strict
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.fitting.schedule import SCHEDULES
from edgeprune.hardware.registry import load_target
from edgeprune.project.file import FILE_NAME, LimitsTable
from edgeprune.prune.scoring.criterion import CRITERIA
from edgeprune.tasks.deployment import budget_for
from edgeprune.tasks.fit import FitRequest, limits_of, options_of, project_of

STEPS = "steps"
"""The schedule of a fit that names none: thinning in steps, with training after each."""

Names = Annotated[tuple[str, ...], Field(min_length=1)]
_Seed = Annotated[int, Field(ge=0)]


class SweepTable(Strict):
    """A sweep's file. A list that is left out has one value: the project's.

    project: an `edgeprune.toml` or its folder, relative to the file; where it is left out, the one beside it, else the
    bundled model and data. limits: tables as `[limits]` of a project, each in
    place of the project's own. schedules: names, and `steps`. rewind: early weights, for the schedule `rewind`.
    """

    name: Name = "sweep"
    project: Path | None = None
    targets: Names | None = None
    criteria: Names | None = None
    granularities: Names | None = None
    schedules: Names = (STEPS,)
    limits: Annotated[tuple[LimitsTable, ...], Field(min_length=1)] | None = None
    seeds: Annotated[tuple[_Seed, ...], Field(min_length=1)] | None = None
    epochs: Annotated[int, Field(ge=0)] | None = None
    samples: Annotated[int, Field(gt=0)] | None = None
    rewind: Path | None = None


@dataclass(frozen=True)
class Trial:
    """One fit of a sweep.

    refused: why it cannot be done at all, as choices that do not go together; None where it can.
    """

    request: FitRequest
    refused: str | None


def trials_of(sweep: SweepTable, root: Path, limits: tuple[Limits, ...] | None = None) -> list[Trial]:
    """Every combination, in the order of the lists, the seed last.

    Args:
        root: folder that paths in the table are relative to.
        limits: in place of the table's.

    Raises:
        UsageError: a name that nothing has, or no target.
    """
    path = _project(sweep, root)
    project = project_of(path)
    targets = sweep.targets or ((project.limits.target,) if project.limits.target is not None else ())
    if not targets:
        raise UsageError("no target was named", hint='targets = ["cortex-m4"], or target = ... in [limits]')
    of_tables = None if sweep.limits is None else tuple(_limits(table) for table in sweep.limits)
    all_limits = limits or of_tables or (limits_of(project),)
    seeds = sweep.seeds or (project.training.seed,)
    targets = tuple(_target(target, root) for target in targets)
    _refuse_doubles(sweep, targets, all_limits)

    def each() -> Iterator[Trial]:
        choices = product(
            targets,
            all_limits,
            sweep.criteria or (project.training.criterion,),
            sweep.granularities or (project.training.granularity,),
            sweep.schedules,
            seeds,
        )
        for target, own, criterion, granularity, schedule, seed in choices:
            options = options_of(
                project,
                epochs=sweep.epochs,
                criterion=criterion,
                schedule=None if schedule == STEPS else schedule,
                rewind=_early(sweep, root, schedule),
                board_samples=sweep.samples,
                command=f"edgeprune sweep {sweep.name}",
            )
            request = FitRequest(path, target, own, GRANULARITIES.find(granularity), options, seed=seed)
            yield Trial(request, _refusal(request))

    return list(each())


def _project(sweep: SweepTable, root: Path) -> str | None:
    if sweep.project is not None:
        return str((root / sweep.project).resolve())
    beside = root / FILE_NAME
    return str(beside.resolve()) if beside.is_file() else None


def _limits(table: LimitsTable) -> Limits:
    if table.target is not None:
        raise UsageError("a target stands in the limits of a sweep", hint="name it in targets = [...]")
    return Limits(table.flash, table.ram, table.latency, table.max_drop, table.reserve_flash, table.reserve_ram)


def _target(target: str, root: Path) -> str:
    """A name, or the whole path of a target's file."""
    beside = root / target
    return str(beside.resolve()) if beside.suffix == ".toml" and beside.is_file() else target


def _early(sweep: SweepTable, root: Path, schedule: str) -> str | None:
    if sweep.rewind is None or schedule == STEPS or not SCHEDULES.find(schedule).needs_early:
        return None
    path = (root / sweep.rewind).resolve()
    if not path.is_file():
        raise UsageError(f"the early weights {path} are not there", hint="rewind = FILE, beside the sweep's file")
    return str(path)


def _refusal(request: FitRequest) -> str | None:
    """Names that nothing has are an error; what does not go together is one trial's."""
    CRITERIA.find(request.options.criterion)
    if request.options.schedule is not None:
        SCHEDULES.find(request.options.schedule)
    target = load_target(request.target)
    try:
        request.check()
        budget_for(target, request.limits)
    except UsageError as refused:
        return refused.message
    return None


def _refuse_doubles(sweep: SweepTable, targets: tuple[str, ...], limits: tuple[Limits, ...]) -> None:
    lists = {
        "targets": targets,
        "criteria": sweep.criteria,
        "granularities": sweep.granularities,
        "schedules": sweep.schedules,
        "seeds": sweep.seeds,
        "limits": limits,
    }
    for name, values in lists.items():
        if values is not None and len(set(map(repr, values))) < len(values):
            raise UsageError(f"{name} names something twice", hint="each combination is tried once")
