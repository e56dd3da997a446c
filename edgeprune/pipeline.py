"""The doors of a fit: from a project file, from objects in a notebook, and from a run that was cut off."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprune.errors import UsageError
from edgeprune.fitting.job import FitOptions
from edgeprune.fitting.limits import Limits, budget_for
from edgeprune.fitting.record import RECORD_NAME, RunRecord, load_record
from edgeprune.fitting.workspace import Workspace
from edgeprune.kernels.base import Optimize
from edgeprune.progress import Progress, Silent
from edgeprune.project import FILE_NAME, Project, default_project, load_project, project_from
from edgeprune.target.profile import Target
from edgeprune.target.registry import load_target

if TYPE_CHECKING:
    from torch import nn

    from edgeprune.train.splits import Splits


@dataclass(frozen=True)
class FitRequest:
    """All that decides a fit, as it is noted in the run's folder for --resume.

    Attributes:
        project: folder or file of an `edgeprune.toml`; None for the bundled model and data.
        target: name or TOML path.
    """

    project: str | None
    target: str
    limits: Limits
    options: FitOptions

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(noted: Mapping[str, Any]) -> FitRequest:
        options = dict(noted["options"])
        options["optimize"] = None if options["optimize"] is None else Optimize(options["optimize"])
        return FitRequest(noted["project"], noted["target"], Limits(**noted["limits"]), FitOptions(**options))


def begin_fit(request: FitRequest, runs: Path, progress: Progress) -> RunRecord:
    """A new run under `runs`.

    Raises:
        EdgePruneError: any stage's; the run's folder stays for --resume.
    """
    from edgeprune.prune.criterion import find_criterion

    target = load_target(request.target)
    budget_for(target, request.limits)
    find_criterion(request.options.criterion)
    request.options.check()
    if Path(request.target).is_file():
        request = replace(request, target=str(Path(request.target).resolve()))
    project = project_of(request.project)
    name = f"{time.strftime('%Y-%m-%d-%H%M%S')}-{target.name}"
    workspace = Workspace.begin(runs, name, request.as_json())
    return _run(project, target, request, workspace, progress)


def resume_fit(folder: Path, progress: Progress) -> RunRecord:
    """Goes on with the run in `folder`; a finished one is read again.

    Raises:
        UsageError: nothing was begun there.
    """
    workspace = Workspace.resume(folder)
    if (workspace.folder / RECORD_NAME).is_file():
        return load_record(workspace.folder)
    request = FitRequest.from_json(workspace.request)
    return _run(project_of(request.project), load_target(request.target), request, workspace, progress)


def project_of(path: str | None) -> Project:
    """The project at `path`, or the bundled model and data."""
    return default_project() if path is None else load_project(Path(path))


def project_here() -> str | None:
    """The project file in the current folder, where there is one."""
    here = Path.cwd() / FILE_NAME
    return str(here) if here.is_file() else None


def _run(project: Project, target: Target, request: FitRequest, workspace: Workspace, progress: Progress) -> RunRecord:
    import torch

    from edgeprune.model.load import load_module
    from edgeprune.train.data import load_data

    torch.manual_seed(project.training.seed)  # build() without a checkpoint draws the same weights when resumed
    module = load_module(project.model.entry, project.model.weights, project.root)
    progress.note(f"{project.model.name}: reading the data")
    return _fit(module, load_data(project), project, target, request, workspace, progress)


def _fit(
    module: nn.Module,
    splits: Splits,
    project: Project,
    target: Target,
    request: FitRequest,
    workspace: Workspace,
    progress: Progress,
) -> RunRecord:
    import torch

    from edgeprune.fitting.job import Job
    from edgeprune.fitting.loop import run_fit
    from edgeprune.prune.classes import keep_classes
    from edgeprune.train.objective import make_objective

    torch.manual_seed(project.training.seed)
    if project.task.classes is not None:
        module = keep_classes(module, project.model.input, project.task.classes)
        splits = splits.of_classes(project.task.classes)
    budget = budget_for(target, request.limits)
    objective = make_objective(project)
    job = Job(project, target, budget, request.options, splits, objective, workspace, progress)
    return run_fit(job, module)


def fit(
    model: nn.Module,
    data: Mapping[str, Any],
    *,
    target: str,
    loss: str = "cross_entropy",
    metric: str = "accuracy",
    flash: int | str | None = None,
    ram: int | str | None = None,
    latency: float | str | None = None,
    max_drop: float | None = None,
    epochs: int = 3,
    criterion: str | None = None,
    granularity: str = "channels",
    early_exit: float | None = None,
    exit_after: str | None = None,
    optimize: str | None = None,
    ram_first: bool = False,
    augment: str = "none",
    name: str = "model",
    runs: str | Path = "runs",
    progress: Progress | None = None,
) -> RunRecord:
    """`edgeprune fit` for objects in a notebook.

    Args:
        model: a trained network, float32, channels first; left as it is.
        data: {"train": (inputs, targets), "validation": ..., "test": ...} as numpy arrays or tensors; only "train" is
            needed, the others are held out of it.
        target: a name of `edgeprune targets list`, or a TOML file.
        loss, metric: as in the project file.
        flash, ram: bytes, or text such as "96KiB"; latency: microseconds, or text such as "20ms".
        epochs: of training, in all.
        criterion, granularity: names of `edgeprune criteria list` and `edgeprune granularities list`.
        early_exit: let sure inputs leave half-way, as long as that loses no more points of the metric on validation.
        exit_after: the layer they leave behind, by its path (`model.named_modules()`); None: where it saves most.
        optimize: "size", "balanced" or "speed"; None is balanced, and then spends what flash is left.
        ram_first: run the first layers row by row where that makes the arena smaller; slower.
        runs: folder that gets the run's folder.

    Raises:
        EdgePruneError: see `errors.py`.
    """
    from edgeprune.train.splits import make_splits

    inputs = data["train"][0] if isinstance(data.get("train"), list | tuple) else data.get("train")
    if inputs is None:
        raise UsageError("data has no 'train' split", hint='give {"train": (inputs, targets), ...}')
    shape = tuple(int(size) for size in inputs.shape[1:])
    tables: dict[str, Any] = {
        "model": {"entry": "notebook:model", "input": shape, "name": name},
        "data": {"entry": "notebook:data", "augment": augment},
        "task": {"loss": loss, "metric": metric},
        "limits": {"flash": flash, "ram": ram, "latency": latency, "max_drop": max_drop},
        "training": {"epochs": epochs, "granularity": granularity} | ({"criterion": criterion} if criterion else {}),
    }
    project = project_from(tables, Path.cwd())
    chosen = load_target(target)
    options = options_of(
        project,
        command="edgeprune.fit()",
        early_exit=early_exit,
        exit_after=exit_after,
        optimize=optimize and Optimize(optimize),
        ram_first=ram_first,
    )
    options.check()
    request = FitRequest(None, target, limits_of(project), options)
    workspace = Workspace.begin(Path(runs), f"{time.strftime('%Y-%m-%d-%H%M%S')}-{chosen.name}", request.as_json())
    return _fit(model, make_splits(data, shape), project, chosen, request, workspace, progress or Silent())


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
        granularity=project.training.granularity,
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
