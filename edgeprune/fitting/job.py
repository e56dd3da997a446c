"""What a fit works with from its first stage to its last."""

from __future__ import annotations

from dataclasses import dataclass

from edgeprune.budget import Budget
from edgeprune.errors import UsageError
from edgeprune.fitting.granularity import AFTER, Granularity, find_granularity
from edgeprune.fitting.workspace import Workspace
from edgeprune.kernels.base import Optimize
from edgeprune.progress import Progress
from edgeprune.project import Project
from edgeprune.target.profile import Target
from edgeprune.train.objective import Objective
from edgeprune.train.splits import Splits


@dataclass(frozen=True)
class FitOptions:
    """How a fit goes about it.

    Attributes:
        epochs: training epochs in all, over every step and round.
        steps: thinning steps a round is cut into.
        criterion: name of the score channels are ranked by.
        step_drop_points: a step that loses more than this on validation is undone and taken in two.
        int8_drop_points: more than this lost to int8 on validation asks for quantization-aware training.
        board_samples: test samples run on the board and compared byte by byte.
        optimize: how much flash may buy speed; None spends on speed whatever the limits leave over in the end.
        port: serial port of a real board; None emulates it.
        command: the command line, for the record.
        granularity: what is removed beside channels (`granularity.py`).
        device: that trains (`train/machine.py`).
        early_exit: points of the metric that inputs which leave early may lose together; None: the network has no exit.
        exit_after: path of the layer it is left behind; None: where it saves most.
        ram_first: run the first layers row by row where that makes the arena smaller; nothing is spent on speed then.
    """

    epochs: int
    steps: int
    criterion: str
    step_drop_points: float
    int8_drop_points: float
    board_samples: int
    optimize: Optimize | None
    port: str | None
    command: str
    granularity: str = "channels"
    device: str = "auto"
    early_exit: float | None = None
    exit_after: str | None = None
    ram_first: bool = False

    def check(self) -> None:
        """Raises UsageError for a granularity that knows no early exit, or gains nothing by the kernels asked for."""
        is_masked = find_granularity(self.granularity).moment == AFTER
        if is_masked and self.early_exit is not None:
            raise UsageError(
                f"--granularity {self.granularity} measures its masks on an image without an early exit",
                hint="leave one of the two away",
            )
        if is_masked and self.optimize not in (None, Optimize.SIZE):
            raise UsageError(
                f"--granularity {self.granularity} masks weights, which --optimize {self.optimize} stores all the same",
                hint="leave --optimize away, or say size: its kernels alone leave masked weights out of flash",
            )

    @property
    def kernels(self) -> Optimize:
        """What kernels are chosen for before anything is left over: masked weights are small in the smallest alone."""
        is_masked = find_granularity(self.granularity).moment == AFTER
        return self.optimize or (Optimize.SIZE if is_masked else Optimize.BALANCED)


@dataclass(frozen=True, eq=False)
class Job:
    project: Project
    target: Target
    budget: Budget
    options: FitOptions
    splits: Splits
    objective: Objective
    workspace: Workspace
    progress: Progress

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.project.model.input

    @property
    def granularity(self) -> Granularity:
        return find_granularity(self.options.granularity)
