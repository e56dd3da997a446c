"""The exact footprint of any widths: the planner on the predicted graph, flash and stack from one baseline image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgeprune.budget import Footprint
from edgeprune.build.space import unbounded_space
from edgeprune.codegen.emit import Identity
from edgeprune.cost.flash import EngineBaseline
from edgeprune.cost.footprint import footprint
from edgeprune.cost.latency import predicted_us
from edgeprune.cost.madeup import with_made_up_constants
from edgeprune.deploy import CompiledModel, compile_graph, emulated_target, link_images, running_board
from edgeprune.errors import UsageError
from edgeprune.fitting.network import Network
from edgeprune.graph.clean import clean
from edgeprune.graph.early_exit import MARGINS, with_early_exit
from edgeprune.ir import Graph
from edgeprune.kernels.base import KernelCall, Optimize
from edgeprune.measure import memory_in_use
from edgeprune.prune.widths import predicted_graph
from edgeprune.release import __version__
from edgeprune.target.profile import Target
from edgeprune.target.registry import load_target

BASELINE = Identity("baseline", "0" * 16, "baseline", "edgeprune, a size baseline", __version__)


class WidthCost:
    """Footprints of one network on one target."""

    def __init__(
        self, network: Network, target: Target, optimize: Optimize, baseline: EngineBaseline, ram_first: bool = False
    ):
        self._network = network
        self._target = target
        self._optimize = optimize
        self._baseline = baseline
        self._ram_first = ram_first

    def footprint(self, widths: Mapping[str, int]) -> Footprint:
        """Flash and RAM by part, at these channel counts; milliseconds, nothing is built."""
        return self.footprint_of(self.compiled(widths))

    def relinked(self, widths: Mapping[str, int], folder: Path) -> WidthCost:
        """The same costs with flash taken from a link at these widths: exact there, closer around.

        Kernels specialised to a layer's shape change size with it, which the first baseline cannot know.
        """
        compiled = compile_made_up(self._network, self._target, self._optimize, widths, self._ram_first)
        parts = link_images(compiled, self._target, folder, unbounded_space(self._target)).judged.size.flash_parts
        return self.with_flash(parts, compiled.calls)

    def remeasured(self, found: EngineBaseline) -> WidthCost:
        """The same costs with the variables and the stack that another image of this network showed."""
        baseline = replace(self._baseline, data_bytes=found.data_bytes, stack_bytes=found.stack_bytes)
        return WidthCost(self._network, self._target, self._optimize, baseline, self._ram_first)

    def of(self, network: Network) -> WidthCost:
        """The same costs for another network made of this one's layers."""
        return WidthCost(network, self._target, self._optimize, self._baseline, self._ram_first)

    def with_flash(self, parts: Mapping[str, int], calls: Sequence[KernelCall]) -> WidthCost:
        """The same costs with flash taken from a link with these calls."""
        baseline = EngineBaseline.of(parts, calls, self._baseline.data_bytes, self._baseline.stack_bytes)
        return WidthCost(self._network, self._target, self._optimize, baseline, self._ram_first)

    def footprint_of(self, compiled: CompiledModel) -> Footprint:
        """As `footprint`, of a graph compiled elsewhere."""
        return footprint_of(compiled, self._target, self._baseline)

    def compiled(self, widths: Mapping[str, int]) -> CompiledModel:
        graph = int8_graph(self._network, widths)
        return compile_graph(graph, self._target, self._optimize, BASELINE, ram_first=self._ram_first)


def int8_graph(network: Network, widths: Mapping[str, int]) -> Graph:
    """The network at these widths as it will be compiled, without data; an early exit's margin changes no size."""
    graph = clean(predicted_graph(network.traced, network.groups, widths))
    return with_early_exit(graph, MARGINS[-1]) if network.leaves_early else graph


def footprint_of(compiled: CompiledModel, target: Target, baseline: EngineBaseline) -> Footprint:
    """Predicted bytes by part of a compiled model, from its calls and plan alone."""
    latency_us = predicted_us(compiled.calls, target.cpu)
    return footprint(compiled.graph, compiled.calls, compiled.plan, baseline, latency_us)


def measure_baseline(
    network: Network, target: Target, optimize: Optimize, folder: Path, ram_first: bool = False
) -> EngineBaseline:
    """Links the network with weights drawn at random, without the target's limits, and runs it once on the machine.

    Flash is the target's own image's. The one that runs is for the emulated machine's memory, which holds what the
    target cannot.

    Raises:
        UsageError: no emulated machine stands in for the target.
        ToolchainError: compiler or emulator missing.
    """
    machine = machine_target(target)
    own = compile_made_up(network, target, optimize, network.widths, ram_first)
    parts = link_images(own, target, folder / "own", unbounded_space(target)).judged.size.flash_parts
    compiled = compile_made_up(network, machine, optimize, network.widths, ram_first)
    images = link_images(compiled, machine, folder)
    with running_board(images, machine) as board:
        memory = memory_in_use(board, compiled.input_bytes)
    return EngineBaseline.of(parts, own.calls, memory.data_bytes, memory.stack_all_bytes)


def compile_made_up(
    network: Network, target: Target, optimize: Optimize, widths: Mapping[str, int], ram_first: bool = False
) -> CompiledModel:
    """The network at these widths, weights drawn at random."""
    return compile_graph(made_up_graph(network, widths), target, optimize, BASELINE, ram_first=ram_first)


def made_up_graph(network: Network, widths: Mapping[str, int]) -> Graph:
    """The int8 graph at these widths, clean, weights drawn at random."""
    return with_made_up_constants(int8_graph(network, widths))


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
