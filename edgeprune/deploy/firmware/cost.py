"""The exact footprint of any widths: the planner on the predicted graph, flash and stack from one baseline image."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edgeprune.budget import Footprint
from edgeprune.deploy.call_sizes import with_call_sizes
from edgeprune.deploy.firmware.images import emulated_target, link_images, linked_size, measured_sizes, running_board
from edgeprune.deploy.firmware.measure import memory_in_use
from edgeprune.deploy.firmware.predicted import footprint_of
from edgeprune.deploy.mask_cost import LinkedMaskCost, Linking
from edgeprune.deploy.predicted import BASELINE, compile_synthetic, int8_graph
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_graph
from edgeprune.engine.cost.flash_size import CallSize, EngineBaseline
from edgeprune.engine.cost.latency import measured_rates
from edgeprune.errors import UsageError
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target
from edgeprune.prune.network import Network


@dataclass(frozen=True, eq=False)
class WidthCost:
    """Footprints of one network on one target (`Cost` of `deploy/protocol.py`).

    known: sizes of calls that the baseline's link lacks, by form, as they are met.
    """

    network: Network
    target: Target
    options: CompileOptions
    baseline: EngineBaseline
    known: dict[str, CallSize] = field(default_factory=dict)

    def footprint(self, widths: Mapping[str, int]) -> Footprint:
        """Flash and RAM by part, at these channel counts; milliseconds, nothing is linked.

        The model is compiled where it has calls of a form that was never met, once for each.
        """
        compiled = self.compiled(widths)
        baseline = with_call_sizes(self.baseline, self.known, compiled.calls, lambda: self._call_sizes(widths))
        return footprint_of(compiled, self.target, baseline)

    def corrected(self, widths: Mapping[str, int]) -> WidthCost:
        """The same costs with flash taken from a link at these widths: exact there, closer around.

        Kernels specialised to a layer's shape change size with it, which the first baseline does not include.
        """
        compiled = compile_synthetic(self.network, self.target, self.options, widths)
        size, sizes = linked_size(compiled, self.target), measured_sizes(compiled, self.target)
        baseline = EngineBaseline.of(
            size.flash_parts, compiled.calls, size.ram_parts["data"], self.baseline.stack_bytes, sizes
        )
        return replace(self, baseline=replace(baseline, rates=self.baseline.rates))

    def measured(self, footprint: Footprint) -> WidthCost:
        """The same costs with the variables and the stack measured of another image of this network."""
        data_bytes, stack_bytes = (footprint.ram_parts[part] for part in ("data", "stack"))
        return replace(self, baseline=replace(self.baseline, data_bytes=data_bytes, stack_bytes=stack_bytes))

    def of(self, network: Network) -> WidthCost:
        """The same costs for another network made of this one's layers."""
        return replace(self, network=network)

    def masks(self, synthetic: Callable[[np.ndarray], np.ndarray]) -> LinkedMaskCost:
        """Costs of the network at its full widths, by which of its weights stay."""
        linking = Linking(
            lambda model: linked_size(model, self.target).flash_parts,
            lambda model: measured_sizes(model, self.target),
            lambda model, baseline: footprint_of(model, self.target, baseline),
        )
        return LinkedMaskCost(self.network, self.target, self.options, self.baseline, linking, synthetic)

    def compiled(self, widths: Mapping[str, int]) -> CompiledModel:
        """The network at these widths, without data."""
        return compile_graph(int8_graph(self.network, widths), self.target, self.options, BASELINE)

    def _call_sizes(self, widths: Mapping[str, int]) -> Mapping[str, CallSize]:
        return measured_sizes(compile_synthetic(self.network, self.target, self.options, widths), self.target)


def measure_baseline(network: Network, target: Target, options: CompileOptions) -> EngineBaseline:
    """Links the network with random weights, without the target's limits, and runs it once on the machine.

    Flash and variables are the target's own image's; the stack is of the one that runs, which is for the emulated
    machine's memory and holds what the target cannot.

    Raises:
        UsageError: no emulated machine stands in for the target.
        ToolchainError: compiler or emulator missing.
    """
    machine = machine_target(target)
    own = compile_synthetic(network, target, options, network.widths)
    size, sizes = linked_size(own, target), measured_sizes(own, target)
    compiled = compile_synthetic(network, machine, options, network.widths)
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        images = link_images(compiled, machine, Path(folder))
        with running_board(images, machine) as board:
            memory = memory_in_use(board, compiled.input_bytes)
            timings = board.layers(1)
    running = [compiled.calls[index] for index in compiled.running]
    rates = measured_rates(running, timings.layer_ticks, machine.cpu)
    baseline = EngineBaseline.of(size.flash_parts, own.calls, size.ram_parts["data"], memory.stack_all_bytes, sizes)
    return replace(baseline, rates=rates)


def machine_target(target: Target) -> Target:
    """What stands in for a target on the emulated machine, with all of the machine's memory.

    Raises:
        UsageError: there is none.
    """
    stand_in = emulated_target(target)
    if stand_in is None or stand_in.emulator is None:
        raise UsageError(
            f"no emulated machine stands in for {target.name}", hint="add an [emulator] table to the target's file"
        )
    machine = load_target(stand_in.emulator.machine)
    return stand_in.model_copy(update={"memory": machine.memory, "reserve": machine.reserve})
