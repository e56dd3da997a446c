"""EdgePrune for objects in a notebook or a script: `edgeprune.fit`, `edgeprune.thin`, `edgeprune.load`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeprune.budget import Optimize
from edgeprune.deploy.protocol import Setup
from edgeprune.errors import UsageError
from edgeprune.files.workspace import Workspace
from edgeprune.fitting.granularity import GRANULARITIES
from edgeprune.fitting.job import Job
from edgeprune.fitting.record import RunRecord, load_record
from edgeprune.hardware.registry import load_target
from edgeprune.model.answers import Answer, parts_of
from edgeprune.model.inputs import inputs_of, with_inputs, with_whole_numbers
from edgeprune.model.plain_weights import with_plain_weights
from edgeprune.model.twin import copied
from edgeprune.progress import Lines, Progress, Silent
from edgeprune.project.file import project_from
from edgeprune.prune.network import Network
from edgeprune.prune.scoring.criterion import CRITERIA
from edgeprune.tasks.deployment import budget_for, deployment_on
from edgeprune.tasks.fit import FROM_PYTHON, FitRequest, fit_objects, limits_of, options_of
from edgeprune.tasks.report.write import write_page
from edgeprune.tasks.run_profile import RunProfile
from edgeprune.tasks.thinned import thinned_module
from edgeprune.tasks.untrained.outlook import thinned_untrained
from edgeprune.train.forms.datasets import is_dataset, read_dataset
from edgeprune.train.forms.several_inputs import joined_inputs
from edgeprune.train.metrics import METRICS, Metric
from edgeprune.train.native import native
from edgeprune.train.objective import LOSSES, Objective
from edgeprune.train.splits import make_splits

Score = Callable[[Any, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Run:
    """A finished fit.

    Attributes:
        record: what is in its run.json.
        module: the thinned network, float32, in evaluation mode: ready to train on or to export elsewhere.
    """

    record: RunRecord
    module: nn.Module

    @property
    def folder(self) -> Path:
        """With the firmware, the C and everything else the record names under `artifacts`."""
        return Path(self.record.run)

    @property
    def tflite(self) -> bytes:
        """The int8 file that was proved."""
        return (self.folder / self.record.artifacts["tflite"]).read_bytes()

    def report(self) -> Path:
        """Writes the run as one HTML page into its folder (`edgeprune report`)."""
        return write_page(self.folder)

    def profile(self) -> RunProfile:
        """Every layer with its time on the device; a table where it is shown."""
        return RunProfile.of(self.record)

    def _repr_html_(self) -> str:
        """The page, for notebooks, in a frame that runs nothing."""
        source = escape(self.report().read_text(encoding="utf-8"), quote=True)
        frame = 'sandbox="" title="EdgePrune report" style="width: 100%; height: 640px; border: 0"'
        return f'<iframe srcdoc="{source}" {frame}></iframe>'

    def __repr__(self) -> str:
        record, accuracy = self.record, self.record.accuracy
        before = record.before
        verdict = "fits" if record.fits else "does not fit"
        if record.unjudged and not record.loses_too_much:
            verdict = f"{', '.join(record.unjudged)} cannot be judged"
        where = {"emulator": "the emulator", "device": "the device", "host": "this machine"}[record.source]
        lines = [
            f"{record.model} on {record.target}: {verdict}",
            f"  flash     {before.flash_bytes:>12,} -> {record.flash_bytes:>10,} of {record.flash_limit_bytes:,} B",
            f"  RAM       {before.ram_bytes:>12,} -> {record.ram_bytes:>10,} of {record.ram_limit_bytes:,} B",
            f"  MACs      {before.macs:>12,} -> {record.macs:>10,}",
            f"  {accuracy.metric:<9} {accuracy.float_before:>12.4g} -> {accuracy.int8:>10.4g} as int8, "
            f"{accuracy.device:.4g} on {where} ({accuracy.device_samples} samples, the same bytes)",
            *(
                []
                if record.total_ticks is None
                else [f"  one inference: {record.total_ticks:,.0f} {record.ticks} on {where}"]
            ),
            *(f"  look at this: {doubt}" for doubt in record.doubts),
            f"  {self.folder}",
        ]
        return "\n".join(lines)


def fit(
    model: nn.Module,
    train: Any,
    validation: Any = None,
    test: Any = None,
    *,
    target: str,
    loss: str | Score = "cross_entropy",
    metric: str | Score = "accuracy",
    flash: int | str | None = None,
    ram: int | str | None = None,
    latency: float | str | None = None,
    max_drop: float | None = None,
    epochs: int = 3,
    lr: float | None = None,
    batch: int = 128,
    seed: int = 0,
    device: str = "auto",
    criterion: str | None = None,
    granularity: str = "channels",
    schedule: str | None = None,
    early_exit: float | None = None,
    exit_after: str | None = None,
    optimize: str | None = None,
    ram_first: bool = False,
    mixed: bool = False,
    augment: str = "none",
    name: str = "model",
    runs: str | Path = "runs",
    progress: Progress | Callable[[str], object] | None = None,
) -> Run:
    """`edgeprune fit` for objects.

    Args:
        model: a trained network, float32, channels first; left as it is.
        train, validation, test: (inputs, targets) as numpy arrays or tensors, or a torch Dataset or DataLoader; or
            `train` a mapping of split names to them. What is not given is held out of train. Several inputs are a dict
            by the names of forward(), or a tuple in its order.
        target: a name of `edgeprune targets list`, or a TOML file.
        loss, metric: as in the project file, or functions of (outputs, targets) that give a scalar tensor; of a metric
            of your own, higher is better.
        flash, ram: bytes, or text such as "96KiB"; latency: microseconds, or text such as "20ms".
        max_drop: points of the metric that may be lost.
        epochs: of training, in all; lr, batch, seed, device: of it, as in `[training]`.
        criterion, granularity: names of `edgeprune criteria list` and `edgeprune granularities list`.
        schedule: of `edgeprune schedules list`, the way to the widths; None thins in steps, training after each.
            `rewind` alone needs weights early in training, which the command line takes.
        early_exit: let sure inputs leave half-way, as long as that loses no more points of the metric on validation.
        exit_after: the layer they leave behind, by its path (`model.named_modules()`); None: where it saves most.
        optimize: "size", "balanced" or "speed"; None is balanced, and then spends what flash is left.
        ram_first: run the first layers row by row where that makes the arena smaller; slower.
        mixed: int16 activations for the few layers whose int8 rounding shows most at the outputs.
        runs: folder that gets the run's folder.
        progress: what gets a line of text of each thing done, e.g. `print`; or a `Progress`. None shows nothing.

    Raises:
        EdgePruneError: see `errors.py`.
    """
    arrays = dict(train) if isinstance(train, Mapping) else {"train": train}
    arrays |= {key: value for key, value in (("validation", validation), ("test", test)) if value is not None}
    arrays = {key: read_dataset(key, value) if is_dataset(value) else value for key, value in arrays.items()}
    plain, arrays, stated = _with_data(model, arrays)
    objective = Objective(*_loss(loss), _metric(metric))
    tables: dict[str, Any] = {
        "model": {"entry": "notebook:model", "name": name} | stated,
        "data": {"entry": "notebook:data", "augment": augment},
        "task": {"loss": objective.loss_name, "metric": objective.metric.name},
        "limits": {"flash": flash, "ram": ram, "latency": latency, "max_drop": max_drop},
        "training": {"epochs": epochs, "lr": lr, "batch": batch, "seed": seed, "device": device}
        | ({"criterion": criterion} if criterion else {}),
    }
    project = project_from(tables, Path.cwd())
    shape = project.model.sample_shape
    splits = make_splits(arrays, shape)
    chosen = load_target(target)
    options = options_of(
        project,
        command=FROM_PYTHON,
        early_exit=early_exit,
        exit_after=exit_after,
        optimize=optimize and Optimize(optimize),
        ram_first=ram_first,
        mixed=mixed,
        schedule=schedule,
    )
    request = FitRequest(None, target, limits_of(project), GRANULARITIES.find(granularity), options)
    request.check()
    folder_name = f"{time.strftime('%Y-%m-%d-%H%M%S')}-{chosen.name}"
    with Workspace.begin(Path(runs), folder_name, request.as_json()) as workspace:
        record = fit_objects(project, plain, splits, objective, request, workspace, _shown(progress))
    return Run(record, Network.of(plain, shape).load_thinned(workspace.folder, shape).module)


def load(run: str | Path, model: nn.Module | None = None) -> Run:
    """A finished run of `edgeprune fit` or `edgeprune.fit`.

    Args:
        model: the network it was made from; None builds what the run's project names.

    Raises:
        UsageError: no finished run there, or one that needs `model`.
        ModelError: the network is not the one the run was made from.
    """
    folder = Path(run)
    record = load_record(folder)
    return Run(record, thinned_module(folder, model))


def thin(
    model: nn.Module,
    samples: Any,
    *,
    target: str,
    flash: int | str | None = None,
    ram: int | str | None = None,
    latency: float | str | None = None,
    criterion: str = "l2",
    progress: Progress | Callable[[str], object] | None = None,
) -> nn.Module:
    """A copy of the network thinned until its firmware is predicted to fit, its layers solved again, untrained.

    Args:
        model: float32, channels first; left as it is.
        samples: (N, C, ...) inputs, arrays or tensors, uint8 meaning value / 255, a few hundred: what is kept is judged
            by what the network makes of them; several inputs as for `fit`.
        target, flash, ram, latency, criterion, progress: as for `fit`; criteria that need labels have the network's own
            outputs.

    Raises:
        DoesNotFit: no widths meet the limits.
        EdgePruneError: see `errors.py`.
    """
    plain, arrays, stated = _with_data(model, {"train": (samples, None)})
    inputs = _as_read(arrays["train"][0])
    shape = tuple(inputs.shape[1:])
    limits = {"flash": flash, "ram": ram, "latency": latency}
    tables = {
        "model": {"entry": "notebook:model"} | stated,
        "data": {"entry": "notebook:data"},
        "limits": limits,
        "training": {"epochs": 0, "criterion": criterion},
    }
    project = project_from(tables, Path.cwd())
    CRITERIA.find(criterion)
    chosen, note = load_target(target), _shown(progress)
    budget = budget_for(chosen, limits_of(project))
    with torch.no_grad():
        wanted = _flat(plain.eval()(inputs))
    splits = make_splits({"train": (inputs, wanted)}, shape)
    objective = Objective("distance", _distance, Metric("distance", _distance, higher_is_better=False))
    options = options_of(project, command=FROM_PYTHON)
    with (
        tempfile.TemporaryDirectory(prefix="edgeprune-thin-") as folder,
        Workspace.begin(Path(folder), "run", {}) as workspace,
    ):
        setup = Setup(chosen, budget, splits.calibration, None, workspace, note)
        deployment = deployment_on(setup, Optimize.BALANCED, project.model.name, options.command)
        job = Job(project, chosen, options, splits, objective, workspace, note, deployment)
        network = Network.of(plain, shape)
        return thinned_untrained(job, network, budget)[0].module


def _shown(progress: Progress | Callable[[str], object] | None) -> Progress:
    if progress is None:
        return Silent()
    return progress if isinstance(progress, Progress) else Lines(progress)


def _distance(outputs: Answer, wanted: Tensor) -> Tensor:
    """Mean square difference of all outputs from the original's."""
    return functional.mse_loss(_flat(outputs), wanted)


def _as_read(samples: Any) -> Tensor:
    """An array or tensor of samples, float32 as the network reads them; of uint8 value / 255."""
    inputs = torch.as_tensor(native(samples))
    return inputs.float() / 255 if inputs.dtype is torch.uint8 else inputs.float()


def _flat(answer: Answer) -> Tensor:
    return torch.cat([part.reshape(len(part), -1) for part in parts_of(answer)], 1)


def _with_data(model: nn.Module, arrays: dict[str, Any]) -> tuple[nn.Module, dict[str, Any], dict[str, Any]]:
    """The network with plain weights, its data as one tensor of samples a split, and how `[model]` states the inputs.

    Raises:
        UsageError: there are no training samples.
        ModelError, DataError: several inputs that forward() does not take, or that do not suit each other.
    """
    plain, given = with_plain_weights(copied(model)).cpu().eval(), arrays.get("train")
    if given is None:
        raise UsageError("there are no training samples", hint='give train=(inputs, targets), or {"train": ...}')
    inputs = given[0] if isinstance(given, list | tuple) else given
    if isinstance(inputs, Mapping):
        plain = with_inputs(plain, {name: _of_one_sample(part) for name, part in inputs.items()})
    elif isinstance(inputs, list | tuple):
        plain = with_inputs(plain, [_of_one_sample(part) for part in inputs])
    several = inputs_of(plain)
    if several is None:
        shape = _of_one_sample(inputs)
        return with_whole_numbers(plain, shape), arrays, {"input": shape}
    stated = dict(zip(several.names, several.shapes, strict=True))
    plain = with_whole_numbers(plain, several.packed_shape)
    return plain, joined_inputs(arrays, several, {}, {}), {"inputs": stated}


def _of_one_sample(inputs: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in inputs.shape[1:]) or (1,)


def _loss(given: str | Score) -> tuple[str, Score]:
    if callable(given):
        return getattr(given, "__name__", "loss"), given
    if given not in LOSSES:
        raise UsageError(f"no loss named '{given}'", hint=f"{', '.join(LOSSES)}, or a function of (outputs, targets)")
    return given, LOSSES[given]


def _metric(given: str | Score) -> Metric:
    if callable(given):
        return Metric(getattr(given, "__name__", "metric"), given)
    if given not in METRICS:
        raise UsageError(
            f"no metric named '{given}'", hint=f"{', '.join(METRICS)}, or a function of (outputs, targets)"
        )
    return METRICS[given]
