"""The exact footprint of any widths: the planner on the predicted graph, flash and stack from one baseline image."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edgeprune.budget import Budget, Footprint
from edgeprune.deploy.call_sizes import with_call_sizes
from edgeprune.deploy.firmware.images import emulated_target, link_images, linked_size, measured_sizes, running_board
from edgeprune.deploy.firmware.measure import memory_in_use
from edgeprune.deploy.firmware.predicted import footprint_of
from edgeprune.deploy.firmware.predicted_time import time_if_possible
from edgeprune.deploy.firmware.ram_budget import SLACK_BYTES, longest_waiting
from edgeprune.deploy.mask_cost import LinkedMaskCost, Linking
from edgeprune.deploy.predicted import BASELINE, compile_synthetic, int8_graph
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_graph, with_calls_in_ram
from edgeprune.engine.cost.cycle_rates import CycleRates, cycle_rates
from edgeprune.engine.cost.flash_size import CallSize, EngineBaseline
from edgeprune.engine.cost.latency import Rates, measured_rates, predicted_instructions
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.errors import UsageError
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target
from edgeprune.prune.network import Network


@dataclass(frozen=True, eq=False)
class WidthCost:
    """Footprints of one network on one target (`Cost` of `deploy/protocol.py`).

    limits: within which a fit chooses; None where nobody chooses anything.
    known: sizes of calls that the baseline's link lacks, by form, as they are met.
    """

    network: Network
    target: Target
    options: CompileOptions
    baseline: EngineBaseline
    limits: Budget | None = None
    known: dict[str, CallSize] = field(default_factory=dict)

    def footprint(self, widths: Mapping[str, int]) -> Footprint:
        """Flash, RAM by part and time, at these channel counts; milliseconds, nothing is linked.

        The model is compiled where it has calls of a form that was never met, once for each.
        """
        compiled = self.compiled(widths)
        baseline = with_call_sizes(self.baseline, self.known, compiled.calls, lambda: self._call_sizes(widths))
        return self._footprint(compiled, baseline)

    def corrected(self, widths: Mapping[str, int]) -> WidthCost:
        """The same costs with flash taken from a link at these widths: exact there, closer around.

        Kernels specialised to a layer's shape change size with it, which the first baseline does not include. Where
        time is limited, so with the cycles that kernels take.
        """
        compiled = compile_synthetic(self.network, self.target, self.options, widths)
        parts, sizes = linked_size(compiled, self.target).flash_parts, measured_sizes(compiled, self.target)
        baseline = self.baseline.linked_again(parts, compiled.calls, sizes)
        if self.limits is not None and self.limits.latency_us is not None:
            planned = self.compiled(widths)
            measured = _measured(compiled, planned, self.target)
            rates = {**baseline.rates, **measured.rates}  # kernels chosen at these widths alone among them
            baseline = replace(baseline, rates=rates, cycles=measured.cycles)
            held = self._held(compiled, baseline)
            if held is not compiled and measured.cycles is not None:
                again = _measured(held, planned, self.target).cycles
                spent = {} if again is None else {name: rate.fixed for name, rate in again.functions.items()}
                baseline = replace(baseline, cycles=replace(measured.cycles, spent=spent))
        return replace(self, baseline=baseline)

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
            self._footprint,
        )
        return LinkedMaskCost(self.network, self.target, self.options, self.baseline, linking, synthetic)

    def _footprint(self, model: CompiledModel, baseline: EngineBaseline) -> Footprint:
        return footprint_of(self._held(model, baseline), self.target, baseline)

    def _held(self, model: CompiledModel, baseline: EngineBaseline) -> CompiledModel:
        """Where time is limited, with constants in the RAM that is left over, as an image of it will have them."""
        if self.limits is None or self.limits.latency_us is None or baseline.cycles is None or model.options.ram_first:
            return model
        left_bytes = self.limits.ram_bytes - footprint_of(model, self.target, baseline).ram_bytes - SLACK_BYTES
        return _in_spare_ram(model, self.target, baseline, baseline.cycles, left_bytes)

    def compiled(self, widths: Mapping[str, int]) -> CompiledModel:
        """The network at these widths, without data."""
        return compile_graph(int8_graph(self.network, widths), self.target, self.options, BASELINE)

    def _call_sizes(self, widths: Mapping[str, int]) -> Mapping[str, CallSize]:
        return measured_sizes(compile_synthetic(self.network, self.target, self.options, widths), self.target)


def _in_spare_ram(
    model: CompiledModel, target: Target, baseline: EngineBaseline, cycles: CycleRates, left_bytes: int
) -> CompiledModel:
    waits = {index: cycles.waits(model.calls[index], target.cpu, baseline.rates) or 0.0 for index in model.running}
    chosen = longest_waiting(model, waits, left_bytes) if left_bytes > 0 else set[int]()
    return replace(model, calls=with_calls_in_ram(model.calls, chosen)) if chosen else model


def measure_baseline(network: Network, target: Target, options: CompileOptions) -> EngineBaseline:
    """Links the network with random weights, without the target's limits, and runs it once on the machine.

    Flash and variables are the target's own image's; the stack is of the one that runs, which is for the emulated
    machine's memory and holds what the target cannot.

    Raises:
        UsageError: no emulated machine stands in for the target.
        ToolchainError: compiler or emulator missing.
    """
    model = compile_synthetic(network, target, options, network.widths)
    planned = compile_graph(int8_graph(network, network.widths), target, options, BASELINE)
    size, measured = linked_size(model, target), _measured(model, planned, target)
    baseline = EngineBaseline.of(
        size.flash_parts,
        model.calls,
        size.ram_parts["data"],
        measured.stack_bytes,
        measured_sizes(model, target),
        size.ram_parts["console"],
    )
    return replace(baseline, rates=measured.rates, cycles=measured.cycles)


@dataclass(frozen=True)
class _Measured:
    """By one run; as in `EngineBaseline`."""

    stack_bytes: int
    rates: Mapping[str, float]
    cycles: CycleRates | None


def _measured(model: CompiledModel, planned: CompiledModel, target: Target) -> _Measured:
    """Of a model linked for the machine with all of its memory.

    Args:
        planned: the same without data, as widths are planned with.
    """
    machine = machine_target(target)
    running = [model.calls[index] for index in model.running]
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        images = link_images(model, machine, Path(folder))
        with running_board(images, machine) as board:
            memory = memory_in_use(board, model.input_bytes)
            timings = board.layers(1)
        assert images.emulated is not None
        time = time_if_possible(images.emulated.elf, model, target, machine)
    rates = measured_rates(running, timings.layer_ticks, target.cpu)
    if time is None:
        return _Measured(memory.stack_all_bytes, rates, None)
    taken = _instructions(
        running, [planned.calls[index] for index in planned.running], timings.layer_ticks, target, rates
    )
    cycles = cycle_rates(running, taken, time)
    return _Measured(memory.stack_all_bytes, rates, cycles)


def _instructions(
    running: Sequence[KernelCall], planned: Sequence[KernelCall], counted: Sequence[int], target: Target, rates: Rates
) -> list[float]:
    """Of each call, as predicted where it runs as it is planned; as counted where its random weights made it run
    another way."""
    if len(planned) != len(running):
        return [float(count) for count in counted]
    guesses = [[predicted_instructions(call, target.cpu, rates) for call in calls] for calls in (running, planned)]
    return [
        guess if guess is not None and guess == plan else float(count)
        for guess, plan, count in zip(*guesses, counted, strict=True)
    ]


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
