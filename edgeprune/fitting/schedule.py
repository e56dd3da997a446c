"""Ways from a trained network to a thinned one, trained again, at widths chosen before: `fit --schedule`, `compare`.

One function each in `schedules/`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from edgeprune.catalogue import Catalogue, Explained
from edgeprune.fitting.job import Job
from edgeprune.fitting.record import StepRecord
from edgeprune.fitting.training import CHECKPOINT_NAME, settings_of, train
from edgeprune.prune.network import Network
from edgeprune.prune.scoring.score import rank_channels
from edgeprune.train.evaluate import evaluate


@dataclass(frozen=True, eq=False)
class Thinning:
    """The task of a schedule.

    Attributes:
        job: its options hold the criterion and the epochs in all.
        original: the trained network, which is left as it is.
        widths: group -> channels to keep.
        stage: its name in progress and the workspace.
        early: weights of the same network early in its training, if there are any.
    """

    job: Job
    original: Network
    widths: Mapping[str, int]
    stage: str
    early: Path | None = None

    def best(self, module: nn.Module) -> dict[str, list[int]]:
        """The units of each group that score best in a module of the original's shapes, as many as stay."""
        samples, objective = self.job.splits.calibration, self.job.objective
        ranking = rank_channels(
            module, self.original.groups, self.job.options.criterion, samples.tensor(), samples.targets, objective.loss
        )
        return {name: sorted(ranking[name][:width]) for name, width in self.widths.items()}

    @property
    def folder(self) -> Path:
        """For checkpoints; made on first use."""
        folder = self.job.workspace.folder / "steps" / self.stage.replace(", ", "-").replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def trained(self, module: nn.Module, epochs: int) -> nn.Module:
        """The module, trained in place."""
        if epochs > 0:
            settings = settings_of(self.job, epochs)
            train(self.job, module, settings, self.original.module, self.stage, self.folder)
            (self.folder / CHECKPOINT_NAME).unlink(missing_ok=True)
        return module


Run = Callable[[Thinning], nn.Module]


@dataclass(frozen=True, eq=False)
class Schedule(Explained):
    """A way from a trained network to a thinned one.

    needs_early: weights of early in the training.
    """

    name: str
    run: Run
    needs_early: bool

    @property
    def description(self) -> str:
        return inspect.getdoc(self.run) or ""


SCHEDULES: Catalogue[Schedule] = Catalogue("schedule", "edgeprune.fitting.schedules")


def schedule(name: str, *, needs_early: bool = False) -> Callable[[Run], Run]:
    """Registers a function that gives the thinned and trained network; its docstring is what users read."""

    def register(run: Run) -> Run:
        SCHEDULES.add(Schedule(name, run, needs_early))
        return run

    return register


def scheduled(
    job: Job, start: Network, goal: Mapping[str, int], epochs: int, stage: str, name: str
) -> tuple[Network, list[StepRecord]]:
    """`start` thinned to `goal` and trained the way of the schedule `name`; what that came to.

    Args:
        epochs: it may train, in all.

    Raises:
        ModelError, DataError: from the schedule.
    """
    early = None if job.options.rewind is None else Path(job.options.rewind)
    step = f"{stage}: {name}"
    thinning = Thinning(replace(job, options=replace(job.options, epochs=epochs)), start, goal, step, early)

    def take() -> dict[str, Any]:
        metric, validation = job.objective.metric, job.splits.validation
        module = SCHEDULES.find(name).run(thinning).eval()
        score = evaluate(module, validation, metric)
        Network.of(module, job.input_shape, start.removed).save(thinning.folder)
        drop_points = metric.drop_points(evaluate(start.module, validation, metric), score)
        return {"score": score, "drop_points": drop_points}

    result = job.workspace.once(step, take, thinning.folder)
    record = StepRecord(
        widths=dict(goal),
        score=result["score"],
        epochs=epochs,
        undone=False,
        drop_points=result["drop_points"],
        allowed_points=job.options.step_drop_points,
    )
    return start.load_thinned(thinning.folder, job.input_shape), [record]
