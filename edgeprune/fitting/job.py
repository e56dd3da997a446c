"""The inputs and options of a fit, shared by all stages."""

from __future__ import annotations

from dataclasses import dataclass

from edgeprune.budget import Budget, Optimize
from edgeprune.deploy.protocol import Deployment
from edgeprune.files.workspace import Workspace
from edgeprune.hardware.profile import Target
from edgeprune.progress import Progress
from edgeprune.project.file import Project
from edgeprune.train.objective import Objective
from edgeprune.train.splits import Splits


@dataclass(frozen=True)
class FitOptions:
    """Options of a fit.

    Attributes:
        epochs: training epochs in all, over every step and round.
        steps: thinning steps a round is cut into.
        criterion: name of the score channels are ranked by.
        step_drop_points: a step that loses more than this on validation is undone and taken in two.
        int8_drop_points: more than this lost to int8 on validation starts quantization-aware training.
        board_samples: test samples run on the board and compared byte by byte.
        optimize: how much flash is traded for speed; None uses the flash that the limits leave over in the end.
        port: serial port of a real board; None emulates it.
        command: the command line, for the record.
        device: that trains (`train/machine.py`).
        early_exit: points of the metric that inputs which leave early may lose together; None: the network has no exit.
        exit_after: path of the layer it is left behind; None: where it saves most.
        ram_first: run the first layers row by row where that makes the arena smaller; no flash is traded for speed
            then.
        mixed: int16 activations for the few layers whose int8 rounding shows most at the outputs.
        schedule: the way the first round goes from these widths to those; None takes `steps` with training after each.
        widths: group -> channels to thin to, of an earlier run; chosen anew where None, or where they do not hold.
        rewind: file of the same network's weights early in its training, for the schedule that needs them.
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
    device: str = "auto"
    early_exit: float | None = None
    exit_after: str | None = None
    ram_first: bool = False
    mixed: bool = False
    schedule: str | None = None
    rewind: str | None = None
    widths: dict[str, int] | None = None


@dataclass(frozen=True, eq=False)
class Job:
    project: Project
    target: Target
    options: FitOptions
    splits: Splits
    objective: Objective
    workspace: Workspace
    progress: Progress
    deployment: Deployment

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.project.model.sample_shape

    @property
    def budget(self) -> Budget:
        return self.deployment.limits
