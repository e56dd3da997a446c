"""Footprints of any widths as a program: the planner on the predicted graph, everything else from one built program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edgeprune.budget import Footprint
from edgeprune.deploy.call_sizes import with_call_sizes
from edgeprune.deploy.hosted.built import built_model, footprint_of, measured_sizes, sources_of
from edgeprune.deploy.mask_cost import LinkedMaskCost, Linking
from edgeprune.deploy.predicted import BASELINE, compile_synthetic, int8_graph
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_graph
from edgeprune.engine.cost.flash_size import CallSize, EngineBaseline
from edgeprune.hardware.profile import Target
from edgeprune.prune.network import Network
from edgeprune.toolchain.program import build_program


@dataclass(frozen=True, eq=False)
class ProgramCost:
    """Footprints of one network on one target (`Cost` of `deploy/protocol.py`).

    address: of the device that measures; None where nothing does.
    known: sizes of calls that the baseline's program lacks, by form, as they are met.
    """

    network: Network
    target: Target
    options: CompileOptions
    baseline: EngineBaseline
    address: str | None
    known: dict[str, CallSize] = field(default_factory=dict)

    def footprint(self, widths: Mapping[str, int]) -> Footprint:
        """File and memory by part, and the time, at these channel counts; milliseconds, nothing is linked.

        The model is compiled where it has calls of a form that was never met, once for each.
        """
        compiled = self.compiled(widths)
        baseline = with_call_sizes(self.baseline, self.known, compiled.calls, lambda: self._call_sizes(widths))
        return footprint_of(compiled, self.target, baseline)

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
        linking = Linking(
            self._file_parts,
            lambda model: measured_sizes(model, self.target),
            lambda model, baseline: footprint_of(model, self.target, baseline),
        )
        return LinkedMaskCost(self.network, self.target, self.options, self.baseline, linking, synthetic)

    def compiled(self, widths: Mapping[str, int]) -> CompiledModel:
        """The network at these widths, without data."""
        return compile_graph(int8_graph(self.network, widths), self.target, self.options, BASELINE)

    def _call_sizes(self, widths: Mapping[str, int]) -> Mapping[str, CallSize]:
        return measured_sizes(compile_synthetic(self.network, self.target, self.options, widths), self.target)

    def _file_parts(self, model: CompiledModel) -> Mapping[str, int]:
        hosted = self.target.hosted
        assert hosted is not None
        return build_program(sources_of(model), hosted.architecture, hosted.features).file_parts


def measure_baseline(
    network: Network, target: Target, options: CompileOptions, address: str | None, widths: Mapping[str, int]
) -> EngineBaseline:
    """Builds the network with random weights and runs it once: emulated, or timed on the device.

    Raises:
        ToolchainError, DeviceError: it cannot be built or run.
    """
    return built_model(b"", compile_synthetic(network, target, options, widths), target, address).baseline
