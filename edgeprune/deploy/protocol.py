"""The protocol between a fit and a device of any kind; one folder beside this file implements it for each kind.

    Deployment   a target within its limits: a network's cost there, and the way to it
    Cost         footprints of a network at any widths, before it is trained
    MaskCost     footprints of a network by which of its weights stay
    Artifact     an exported network, and its outputs as computed on this machine
    Candidate    an artifact built for the target; its size is read from what was built
    Proof        a candidate run where it will be used: outputs compared, memory and time read (`proof.py`)

A footprint's flash is what the device must store, its RAM what it must hold while it runs, whatever the parts are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from torch import Tensor, nn

from edgeprune.budget import Budget, Footprint
from edgeprune.deploy.proof import Proof
from edgeprune.files.workspace import Workspace
from edgeprune.hardware.profile import Target
from edgeprune.model.exits import ExitPlace
from edgeprune.progress import Progress
from edgeprune.prune.masks.masking import Kernels, Masks
from edgeprune.prune.network import Network
from edgeprune.quantize.layer_sqnr import LayerSqnr
from edgeprune.train.splits import Split


@dataclass(frozen=True, eq=False)
class Setup:
    """What any deployment works with.

    Attributes:
        limits: of the target, less what the user keeps.
        calibration: samples that ranges are measured on when a network is exported.
        port: of a real device; None where an emulated one or this machine stands in.
        workspace: gets what must outlive a kill, and the products.
    """

    target: Target
    limits: Budget
    calibration: Split
    port: str | None
    workspace: Workspace
    progress: Progress


class Deployment(Protocol):
    """A target within its limits."""

    @property
    def limits(self) -> Budget: ...

    @property
    def product(self) -> str:
        """What is built of a network, for messages: "linked image", "program"."""

    def check(self, network: Network) -> None:
        """Exports and compiles once, before anything is trained.

        Raises:
            ModelError: the network cannot be exported.
            UnsupportedOp: what comes out cannot be run there.
        """

    def cost(self, network: Network) -> Cost:
        """What the network takes by its widths; a similar one may be built and run once for that.

        Raises:
            UsageError: nothing can be built, or run, for this target.
            ToolchainError: a tool is missing.
        """

    def exit_work(self, after: str, network: Network, leaving: Network) -> ExitWork:
        """What an early exit saves.

        Args:
            after: path of the module the network is left behind.
            leaving: the same network with an exit there (`model/exits.py`), trained or not.

        Raises:
            ModelError: it cannot be left there on such a device.
        """

    def export(self, module: nn.Module, stage: str) -> Artifact:
        """The network, or one with an early exit, as the file that is deployed; kept under the stage's name.

        Raises:
            ModelError: it cannot be exported.
        """


class Cost(Protocol):
    """Footprints of one network on one target."""

    def footprint(self, widths: Mapping[str, int]) -> Footprint:
        """At these channel counts; milliseconds, nothing is built."""

    def corrected(self, widths: Mapping[str, int]) -> Cost:
        """The same costs, corrected by building the network at these widths, untrained."""

    def measured(self, footprint: Footprint) -> Cost:
        """The same costs with values measured of a candidate of this network that are not predicted."""

    def of(self, network: Network) -> Cost:
        """The same costs for another network made of this one's layers."""

    def masks(self, synthetic: Callable[[np.ndarray], np.ndarray]) -> MaskCost:
        """Costs of the network at its full widths, by which of its weights stay.

        Args:
            synthetic: random weights, int8, none of them zero -> as weights that stay will be.
        """


class MaskCost(Protocol):
    """Footprints by which weights stay; a device that stores zeros like any other value has one for all."""

    @property
    def layers(self) -> Sequence[Kernels]:
        """Those whose zeros may be left out of what is stored."""

    def unmasked(self) -> Footprint:
        """Of the network as it is, built."""

    def built(self, masks: Masks) -> Footprint:
        """As built with these masks, parameter -> (outputs, inputs, taps); later predictions start from it."""

    def footprint(self, masks: Masks) -> Footprint:
        """Predicted from what was built last."""


@dataclass(frozen=True)
class ExitWork:
    """Predicted work of a network with an exit, in any one unit.

    early: up to the choice, the exit's own included; late: behind it; whole: of the network without exit.
    """

    early: float
    late: float
    whole: float

    def share(self, leaving: float) -> float:
        """Mean work, of that without exit, when this share (0..1) of inputs leaves."""
        return (self.early + (1 - leaving) * self.late) / self.whole


@dataclass(frozen=True)
class TrainedExit:
    """An early exit and what it does on validation samples, by the artifact's outputs on this machine.

    Attributes:
        place: where it is.
        margin: at which an input leaves (`quantize/exit_rule.py`).
        share: of the inputs (0..1) that leave.
        drop_points: what that loses against none leaving.
        head: its weights, `.safetensors`.
    """

    place: ExitPlace
    margin: int
    share: float
    drop_points: float
    head: Path


class Artifact(Protocol):
    """An exported network."""

    @property
    def data(self) -> bytes:
        """The file."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layer each of its operators came from, in execution order."""

    @property
    def sqnr_db(self) -> float | None:
        """Of its outputs against the float network's; None where nothing was quantized."""

    @property
    def layer_sqnr(self) -> tuple[LayerSqnr, ...]:
        """Each layer that rounds; none where nothing was quantized."""

    def outputs(self, split: Split) -> list[np.ndarray]:
        """Every output (N, ...) of it in the type it gives, by this machine's fast kernels: the network's own and,
        where it has one, its early exit's."""

    def real(self, outputs: Sequence[np.ndarray]) -> tuple[Tensor, ...]:
        """The first of these outputs, or all, as the network gives them: float32 (N, C, ...) each."""

    def build(self, network: Network, early_exit: TrainedExit | None = None) -> Candidate:
        """Built for the target without its limits, and run once; sizes are read from what was built.

        Args:
            network: that was exported.
            early_exit: of the file; None without one.

        Raises:
            ToolchainError, DeviceError: it cannot be built or run.
        """


class Candidate(Protocol):
    """A network on its target."""

    @property
    def network(self) -> Network: ...

    @property
    def artifact(self) -> Artifact: ...

    @property
    def early_exit(self) -> TrainedExit | None: ...

    @property
    def footprint(self) -> Footprint:
        """Of what was built, memory as measured when it ran."""

    @property
    def ticks(self) -> int:
        """Of one inference to its end, in the clock of the machine it ran on."""

    @property
    def faster(self) -> tuple[int, ...]:
        """Positions of the layers whose kernels were upgraded for speed, with flash that was left over."""

    @property
    def in_ram(self) -> tuple[int, ...]:
        """Positions of the layers whose constants were copied to RAM that was left over."""

    def exit_work(self) -> ExitWork:
        """What its early exit saves."""

    def upgraded(self, predicted: Footprint) -> tuple[Candidate, Footprint]:
        """The candidate with faster kernels within what the limits leave over, and its predicted footprint.

        Args:
            predicted: of the candidate as it is; returned with it where there is no room.
        """

    def prove(self, samples: Split) -> Proof:
        """Builds within the limits and replays the samples where it will run.

        Raises:
            DoesNotFit: what was built leaves the limits.
            VerificationError: the device computed other outputs than the reference.
            DeviceError: no device, or it does not answer.
        """

    def save(self, folder: Path) -> dict[str, str]:
        """Keeps its files in a run's folder; kind -> path in it, those of `prove` included."""
