"""A device with an operating system within its limits: the hosted implementation of `deploy/protocol.py`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from torch import nn

from edgeprune.budget import Budget
from edgeprune.deploy.exit_work import work_behind
from edgeprune.deploy.hosted.candidate import ProgramArtifact
from edgeprune.deploy.hosted.cost import ProgramCost, measure_baseline
from edgeprune.deploy.int8_file import check_exportable, exported
from edgeprune.deploy.protocol import ExitWork, Setup
from edgeprune.engine.compile import CompileOptions
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.prune.network import Network


@dataclass(frozen=True, eq=False)
class HostedDeployment:
    """Programs for one target.

    Attributes:
        options: every program's; layer names and an exit's margin are the program's own.
    """

    setup: Setup
    options: CompileOptions

    @property
    def limits(self) -> Budget:
        return self.setup.limits

    @property
    def product(self) -> str:
        return "program"

    def check(self, network: Network) -> None:
        """Exports the network as it is on a few samples; does the engine take what comes out?

        Raises:
            ModelError: it cannot be traced, or its float form is not what PyTorch computes.
            UnsupportedOp: an operator of the file is outside the engine's set.
        """
        check_exportable(self.setup, network)

    def cost(self, network: Network) -> ProgramCost:
        """From one program of the network with weights drawn at random, run once.

        Raises:
            ToolchainError, DeviceError: it cannot be built or run.
        """
        setup, options = self.setup, self.options
        noted = setup.workspace.once(
            "baseline", lambda: asdict(measure_baseline(network, setup.target, options, setup.port, network.widths))
        )
        if setup.port is None and setup.limits.latency_us is not None:
            setup.progress.note(
                "no device is named: times are predicted from the roofline of the profile, the least any program could "
                "take, and nobody measured them"
            )
        return ProgramCost(network, setup.target, options, EngineBaseline.recorded(noted), setup.port)

    def exit_work(self, after: str, network: Network, leaving: Network) -> ExitWork:
        return work_behind(after, network, leaving, self.setup.target.cpu, self.options.optimize)

    def export(self, module: nn.Module, stage: str) -> ProgramArtifact:
        file = exported(self.setup, module, stage)
        return ProgramArtifact(self.setup, file.data, file.layers, file.sqnr_db, file.layer_sqnr, self.options)
