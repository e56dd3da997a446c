"""Ways from a trained network to a thinned one, trained again, at widths chosen before: what `compare` compares.

One function each in `schedules/`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from edgeprune.catalogue import Catalogue, Explained
from edgeprune.fitting.job import Job
from edgeprune.fitting.training import CHECKPOINT_NAME, settings_of, train
from edgeprune.prune.network import Network
from edgeprune.prune.scoring.score import rank_channels


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
