"""The doors of a fit: from a project file, and from a run that was cut off; `python.py` has the one for objects."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprune.budget import Limits, Optimize
from edgeprune.errors import UsageError
from edgeprune.files.workspace import Workspace, request_of
from edgeprune.fitting.granularity import AFTER, GRANULARITIES, Granularity
from edgeprune.fitting.job import FitOptions
from edgeprune.fitting.record import RECORD_NAME, RunRecord, load_record
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Progress
from edgeprune.project.file import FILE_NAME, Project, default_project, load_project
from edgeprune.tasks.deployment import budget_for, deployment_on

if TYPE_CHECKING:
    from torch import nn

    from edgeprune.train.objective import Objective
    from edgeprune.train.splits import Splits


FROM_PYTHON = "edgeprune.fit()"
"""The command noted for a fit of objects that no project file names."""


@dataclass(frozen=True)
class FitRequest:
    """All that decides a fit, as it is noted in the run's folder for --resume.

    Attributes:
        project: folder or file of an `edgeprune.toml`; None for the bundled model and data.
        target: name or TOML path.
        granularity: what is removed beside channels.
        weights, data: absolute paths, in place of the project's own; None: its own.
        seed: in place of the project's own; None: its own.
        refit_of: folder of the run that goes the same way again; None for a fit.
        tag: of a refit: that the run is to have where it is to ship.
    """

    project: str | None
    target: str
    limits: Limits
    granularity: Granularity
    options: FitOptions
    weights: str | None = None
    data: str | None = None
    refit_of: str | None = None
    seed: int | None = None
    tag: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "project": self.project,
            "target": self.target,
            "limits": asdict(self.limits),
            "granularity": self.granularity.name,
            "options": asdict(self.options),
            "weights": self.weights,
            "data": self.data,
            "refit_of": self.refit_of,
            "seed": self.seed,
            "tag": self.tag,
            "kernels": self.kernels,  # follows from the others; whoever compiles the run's file again needs it
        }

    @staticmethod
    def from_json(noted: Mapping[str, Any]) -> FitRequest:
        options = dict(noted["options"])
        options["optimize"] = None if options["optimize"] is None else Optimize(options["optimize"])
        limits, granularity = Limits(**noted["limits"]), GRANULARITIES.find(noted["granularity"])
        others = {key: noted.get(key) for key in ("weights", "data", "refit_of", "seed", "tag")}
        return FitRequest(noted["project"], noted["target"], limits, granularity, FitOptions(**options), **others)

    @staticmethod
    def noted_in(folder: Path) -> FitRequest:
        """What the run in the folder was asked for.

        Raises:
            UsageError: there is no run, or its note is damaged or of another version.
        """
        noted = request_of(folder)
        try:
            return FitRequest.from_json(noted)
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise UsageError(
                f"{folder / 'state.json'} holds no request of this version: {problem}",
                hint="start anew without --resume",
            ) from None

    def check(self) -> None:
        """Raises UsageError for choices that do not go together, and for names that nothing has."""
        from edgeprune.prune.scoring.criterion import CRITERIA

        name, options = self.granularity.name, self.options
        CRITERIA.find(options.criterion)
        self._check_schedule()
        if self._is_masked and options.early_exit is not None:
            raise UsageError(
                f"--granularity {name} measures its masks on an image without an early exit",
                hint="leave one of the two away",
            )
        if options.mixed and (self._is_masked or options.early_exit is not None):
            raise UsageError(
                "--mixed goes with neither masked weights nor an early exit", hint="leave one of the two away"
            )
        if self._is_masked and options.optimize not in (None, Optimize.SIZE):
            raise UsageError(
                f"--granularity {name} masks weights, which --optimize {options.optimize} stores all the same",
                hint="leave --optimize away, or say size: its kernels alone leave masked weights out of flash",
            )

    def _check_schedule(self) -> None:
        from edgeprune.fitting.schedule import SCHEDULES

        chosen, rewind = self.options.schedule, self.options.rewind
        needs_early = chosen is not None and SCHEDULES.find(chosen).needs_early
        if needs_early and rewind is None:
            raise UsageError(
                f"the schedule '{chosen}' needs early weights", hint="--rewind FILE, saved as the trained ones"
            )
        if rewind is not None and not needs_early:
            raise UsageError("--rewind gives early weights that nothing reads", hint="--schedule rewind reads them")
        if chosen is not None and self.granularity.name != "channels":
            raise UsageError(
                f"--schedule {chosen} thins channels alone, not --granularity {self.granularity.name}",
                hint="leave one of the two away",
            )

    @property
    def loaded_project(self) -> Project:
        """The project, with what stands in for its own weights, data and seed.

        Raises:
            UsageError: its file is not right.
        """
        weights, data = (None if path is None else Path(path) for path in (self.weights, self.data))
        return project_of(self.project).reading(weights, data).seeded(self.seed)

    @property
    def kernels(self) -> Optimize:
        """What kernels are chosen for before anything is left over: masked weights are small in the smallest alone."""
        return self.options.optimize or (Optimize.SIZE if self._is_masked else Optimize.BALANCED)

    @property
    def _is_masked(self) -> bool:
        return self.granularity.moment == AFTER


def begin_fit(request: FitRequest, runs: Path, progress: Progress) -> RunRecord:
    """A new run under `runs`.

    Raises:
        EdgePruneError: any stage's; the run's folder stays for --resume.
    """
    request = _checked(request)
    project = request.loaded_project
    name = f"{time.strftime('%Y-%m-%d-%H%M%S')}-{load_target(request.target).name}"
    with Workspace.begin(runs, name, request.as_json()) as workspace:
        return _run(project, request, workspace, progress)


def fit_at(folder: Path, request: FitRequest, progress: Progress) -> RunRecord:
    """The run in the very folder: begun there, gone on with, or read again where it is finished.

    Raises:
        UsageError: another process is at it, or it was begun with another request.
        EdgePruneError: any stage's.
    """
    request = _checked(request)
    if (folder / "state.json").is_file():
        if FitRequest.noted_in(folder) != request:
            raise UsageError(
                f"{folder} was begun with another request", hint="`edgeprune runs rm` takes it away, where it may go"
            )
        return resume_fit(folder, progress)
    with Workspace.begin_at(folder, request.as_json()) as workspace:
        return _run(request.loaded_project, request, workspace, progress)


def _checked(request: FitRequest) -> FitRequest:
    """With the whole path of a target's file. Raises UsageError for a request that cannot be met as it is."""
    budget_for(load_target(request.target), request.limits)
    request.check()
    if Path(request.target).is_file():
        request = replace(request, target=str(Path(request.target).resolve()))
    return request


def resume_fit(folder: Path, progress: Progress) -> RunRecord:
    """Goes on with the run in `folder`; a finished one is read again.

    Raises:
        UsageError: nothing was begun there, another process is at it, or it was begun on something else.
    """
    folder = folder.resolve()
    if (folder / RECORD_NAME).is_file():
        progress.note(f"{folder.name} is finished: this is its record")
        return load_record(folder)
    with Workspace.resume(folder) as workspace:
        request = FitRequest.noted_in(folder)
        if request.options.command == FROM_PYTHON:
            raise UsageError(f"{folder} was begun from Python: its module and data are in no project", hint="fit again")
        progress.note(f"{folder.name} goes on: {request.options.command}")
        return _run(request.loaded_project, request, workspace, progress)


def project_of(path: str | None) -> Project:
    """The project at `path`, or the bundled model and data."""
    return default_project() if path is None else load_project(Path(path))


def project_here() -> str | None:
    """The project file in the current folder, where there is one."""
    here = Path.cwd() / FILE_NAME
    return str(here) if here.is_file() else None


def _run(project: Project, request: FitRequest, workspace: Workspace, progress: Progress) -> RunRecord:
    import torch

    from edgeprune.model.load import project_module
    from edgeprune.train.data import load_data
    from edgeprune.train.objective import make_objective

    torch.manual_seed(project.training.seed)  # build() without a checkpoint draws the same weights when resumed
    module = project_module(project, progress)
    progress.note(f"{project.model.name}: reading the data")
    return fit_objects(project, module, load_data(project), make_objective(project), request, workspace, progress)


def fit_objects(
    project: Project,
    module: nn.Module,
    splits: Splits,
    objective: Objective,
    request: FitRequest,
    workspace: Workspace,
    progress: Progress,
) -> RunRecord:
    """A fit of what was loaded, wherever it came from; the project says the rest.

    Raises:
        EdgePruneError: any stage's.
    """
    import torch

    from edgeprune.deploy.int16_layers import choose_int16_layers
    from edgeprune.deploy.protocol import Setup
    from edgeprune.fitting.job import Job
    from edgeprune.fitting.loop import run_fit
    from edgeprune.tasks.loaded import of_classes
    from edgeprune.train.objective import taking

    torch.manual_seed(project.training.seed)
    objective = taking(objective, splits.form)
    module, splits = of_classes(project, module, splits)
    objective = replace(objective, metric=objective.metric.judging(splits.test.targets))
    target, options, model_id = load_target(request.target), request.options, project.model.name
    budget = budget_for(target, request.limits)
    if budget.max_drop_points is None:
        budget = replace(budget, max_drop_points=objective.metric.usual_max_drop_points)
    setup = Setup(target, budget, splits.calibration, options.port, workspace, progress)
    deployment = deployment_on(setup, request.kernels, model_id, options.command, options.ram_first)
    if options.mixed:
        choose_int16_layers(setup, module)
    job = Job(project, target, options, splits, objective, workspace, progress, deployment)
    return run_fit(job, request.granularity, module)


def limits_of(project: Project) -> Limits:
    """The project file's limits."""
    table = project.limits
    return Limits(table.flash, table.ram, table.latency, table.max_drop, table.reserve_flash, table.reserve_ram)


def options_of(project: Project, **overrides: Any) -> FitOptions:
    """How a fit goes about it: the project's settings, then `overrides` that are not None."""
    epochs = project.training.epochs if overrides.get("epochs") is None else overrides["epochs"]
    options = FitOptions(
        epochs=project.training.epochs,
        steps=1 if epochs < 4 else 2,
        criterion=project.training.criterion,
        device=project.training.device,
        early_exit=project.training.early_exit,
        exit_after=project.training.exit_after,
        step_drop_points=5.0,
        int8_drop_points=0.5,
        board_samples=100,
        optimize=None,
        port=None,
        command="edgeprune fit",
    )
    return replace(options, **{name: value for name, value in overrides.items() if value is not None})
