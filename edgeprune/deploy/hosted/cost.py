"""Footprints of any widths as a program: the planner on the predicted graph, everything else from one built program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.budget import Footprint
from edgeprune.deploy.hosted.built import built_model, footprint_of
from edgeprune.deploy.mask_cost import LinkedMaskCost, Linking
from edgeprune.deploy.predicted import BASELINE, compile_synthetic, int8_graph
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_graph
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.hardware.profile import Target
from edgeprune.prune.network import Network
from edgeprune.toolchain.firmware import FirmwareSources
from edgeprune.toolchain.program import build_program


@dataclass(frozen=True, eq=False)
class ProgramCost:
    """Footprints of one network on one target (`Cost` of `deploy/protocol.py`).

    address: of the device that measures; None where nothing does.
    """

    network: Network
    target: Target
    options: CompileOptions
    baseline: EngineBaseline
    address: str | None

    def footprint(self, widths: Mapping[str, int]) -> Footprint:
        """File and memory by part, and the time, at these channel counts; milliseconds, nothing is built."""
        return footprint_of(self.compiled(widths), self.target, self.baseline)

    def corrected(self, widths: Mapping[str, int]) -> ProgramCost:
        """The same costs from a program built at these widths, untrained, and timed where there is a device."""
        return replace(self, baseline=measure_baseline(self.network, self.target, self.options, self.address, widths))

    def measured(self, footprint: Footprint) -> ProgramCost:
        """The same costs with the memory measured of another program of this network."""
        data_bytes = footprint.ram_parts["program"] - footprint.flash_bytes + footprint.ram_parts.get("other", 0)
        return replace(
            self, baseline=replace(self.baseline, data_bytes=data_bytes, stack_bytes=footprint.ram_parts["stack"])
        )

    def of(self, network: Network) -> ProgramCost:
        """The same costs for another network made of this one's layers."""
        return replace(self, network=network)

    def masks(self, synthetic: Callable[[np.ndarray], np.ndarray]) -> LinkedMaskCost:
        """Costs of the network at its full widths, by which of its weights stay."""
        linking = Linking(self._file_parts, lambda model, baseline: footprint_of(model, self.target, baseline))
        return LinkedMaskCost(self.network, self.target, self.options, self.baseline, linking, synthetic)

    def compiled(self, widths: Mapping[str, int]) -> CompiledModel:
        """The network at these widths, without data."""
        return compile_graph(int8_graph(self.network, widths), self.target, self.options, BASELINE)

    def _file_parts(self, model: CompiledModel) -> Mapping[str, int]:
        hosted = self.target.hosted
        assert hosted is not None
        sources = FirmwareSources(model.sources(), model.kernel_sources, model.input_bytes, model.options.optimize)
        return build_program(sources, hosted.architecture, hosted.features).file_parts


def measure_baseline(
    network: Network, target: Target, options: CompileOptions, address: str | None, widths: Mapping[str, int]
) -> EngineBaseline:
    """Builds the network with random weights and runs it once: emulated, or timed on the device.

    Raises:
        ToolchainError, DeviceError: it cannot be built or run.
    """
    return built_model(b"", compile_synthetic(network, target, options, widths), target, address).baseline
