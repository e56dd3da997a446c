"""A microcontroller within its limits: the firmware's implementation of `deploy/protocol.py`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from torch import nn

from edgeprune.budget import Budget
from edgeprune.deploy.exit_work import work_behind
from edgeprune.deploy.firmware.candidate import TfliteArtifact
from edgeprune.deploy.firmware.cost import WidthCost, measure_baseline
from edgeprune.deploy.int8_file import check_exportable, exported
from edgeprune.deploy.protocol import ExitWork, Setup
from edgeprune.engine.compile import CompileOptions
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.prune.network import Network


@dataclass(frozen=True, eq=False)
class FirmwareDeployment:
    """Firmware for one target.

    Attributes:
        options: every image's; layer names, faster kernels and an exit's margin are the image's own.
    """

    setup: Setup
    options: CompileOptions

    @property
    def limits(self) -> Budget:
        return self.setup.limits

    @property
    def product(self) -> str:
        return "linked image"

    def check(self, network: Network) -> None:
        """Exports the network as it is on a few samples; does the engine take what comes out?

        Raises:
            ModelError: it cannot be traced, or its float form is not what PyTorch computes.
            UnsupportedOp: an operator of the file is outside the engine's set.
        """
        check_exportable(self.setup, network)

    def cost(self, network: Network) -> WidthCost:
        """From one link of the network with weights drawn at random, run once on the emulated machine.

        Raises:
            UsageError: no emulated machine stands in for the target.
            ToolchainError: compiler or emulator missing.
        """
        target, options = self.setup.target, self.options
        noted = self.setup.workspace.once("baseline", lambda: asdict(measure_baseline(network, target, options)))
        return WidthCost(network, target, options, EngineBaseline.recorded(noted), self.limits)

    def exit_work(self, after: str, network: Network, leaving: Network) -> ExitWork:
        return work_behind(after, network, leaving, self.setup.target.cpu, self.options.optimize)

    def export(self, module: nn.Module, stage: str) -> TfliteArtifact:
        file = exported(self.setup, module, stage)
        return TfliteArtifact(self.setup, file.data, file.layers, file.sqnr_db, file.layer_sqnr, self.options)
