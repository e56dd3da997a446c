"""The fast form of predicted time: cycles of a kernel call from what one image of the network took by the slow form.

The slow form (`engine/cost/timing`) needs an image that ran. From its layers come cycles an instruction of each kernel
function, on one core and its flash; with predicted instructions they give the time of other widths, and of the same
image the slow form's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from edgeprune.budget import LatencyBasis
from edgeprune.engine.cost.core_cycles import core_cycles
from edgeprune.engine.cost.latency import Rates, predicted_instructions
from edgeprune.engine.cost.timing.cycles import Cycles
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.hardware.profile import Cpu

if TYPE_CHECKING:
    from edgeprune.engine.cost.timing.predict import PredictedTime


@dataclass(frozen=True)
class Rate:
    """Cycles an instruction: `fixed` wherever constants lie, `waits` for constants that lie in flash."""

    fixed: float
    waits: float


@dataclass(frozen=True)
class CycleRates:
    """Of one image.

    Attributes:
        functions: of each kernel function that ran.
        whole: of all of them together, for those that did not.
        core: cycles an instruction of all of them together, waits for flash left out.
        range: of what is predicted, shares that it may be at least and at most; None where nobody knows.
        counts_flash, is_calibrated: as the image's own time (`PredictedTime`).
        spent: `fixed` of each function in an image of the same network with constants in RAM, which leave the cache and
            the flash to the code; empty where none was made.
    """

    functions: Mapping[str, Rate]
    whole: Rate
    core: float
    range: tuple[float, float] | None
    counts_flash: bool = True
    is_calibrated: bool = False
    spent: Mapping[str, float] = field(default_factory=dict)

    @staticmethod
    def of_noted(noted: Mapping[str, Any]) -> CycleRates:
        """From its `asdict`."""
        functions = {name: Rate(**rate) for name, rate in noted["functions"].items()}
        shares = None if noted["range"] is None else tuple(noted["range"])
        return CycleRates(**{**noted, "functions": functions, "whole": Rate(**noted["whole"]), "range": shares})

    def fixed(self, call: KernelCall, cpu: Cpu, rates: Rates | None) -> float | None:
        """Cycles but for those that constants in flash make it wait; None where its instructions are not predicted."""
        instructions = predicted_instructions(call, cpu, rates)
        return None if instructions is None else instructions * self._of(call, cpu).fixed

    def waits(self, call: KernelCall, cpu: Cpu, rates: Rates | None) -> float | None:
        """Cycles that its constants make it wait for flash: none where they lie in RAM."""
        if any(constant.in_ram for constant in call.constants):
            return 0.0
        instructions = predicted_instructions(call, cpu, rates)
        return None if instructions is None else instructions * self._of(call, cpu).waits

    def total(self, call: KernelCall, cpu: Cpu, rates: Rates | None) -> float | None:
        fixed, waits = self.fixed(call, cpu, rates), self.waits(call, cpu, rates)
        return None if fixed is None or waits is None else fixed + waits

    def for_calls(self, calls: Sequence[KernelCall]) -> CycleRates:
        """Of a network with these calls."""
        if not any(constant.in_ram for call in calls for constant in call.constants):
            return self
        functions = {name: Rate(self.spent.get(name, rate.fixed), rate.waits) for name, rate in self.functions.items()}
        return replace(self, functions=functions)

    def _of(self, call: KernelCall, cpu: Cpu) -> Rate:
        """Of a function that did not run: as many cycles more or fewer than the others as the core takes of it."""
        if call.function in self.functions:
            return self.functions[call.function]
        alone = core_cycles(cpu.core).get(call.function)
        return (
            self.whole if alone is None else Rate(self.whole.fixed * alone.an_instruction / self.core, self.whole.waits)
        )


def cycle_rates(calls: Sequence[KernelCall], taken: Sequence[float], time: PredictedTime) -> CycleRates | None:
    """Of an image and its time; None where nothing of it takes an instruction.

    Args:
        calls: that run, views left out, with constants in flash.
        taken: instructions of each, as they are predicted where the rates are used, or as they were counted.
    """
    instructions: dict[str, float] = defaultdict(float)
    cycles: dict[str, Cycles] = {}
    for call, count, layer in zip(calls, taken, time.layers, strict=True):
        if count > 0:
            instructions[call.function] += count
            cycles[call.function] = cycles.get(call.function, Cycles()) + layer
    if not instructions:
        return None
    alone = sum(layer.total for layer in time.layers)
    share = time.longest_us / (alone * 1e6 / time.clock_hz)  # one layer after the other, and what calls them
    everything = sum(cycles.values(), Cycles())
    return CycleRates(
        {name: _rate(cycles[name], instructions[name], share) for name in instructions},
        _rate(everything, sum(instructions.values()), share), everything.core * share / sum(instructions.values()),
        None if time.range_us is None else (time.range_us[0] / time.us, time.range_us[1] / time.us),
        time.counts_flash, time.is_calibrated,
    )  # fmt: skip


def _rate(cycles: Cycles, instructions: float, share: float) -> Rate:
    fixed = cycles.total - cycles.flash_data
    return Rate(fixed * share / instructions, cycles.flash_data * share / instructions)


@dataclass(frozen=True)
class PredictedLatency:
    """Of one inference.

    range_us: the least and the most it may be, None where nothing says so. is_floor: waits for a memory are not in it.
    """

    us: float
    basis: LatencyBasis
    range_us: tuple[float, float] | None = None
    is_floor: bool = False


def predicted_latency(
    calls: Sequence[KernelCall], cpu: Cpu, rates: Rates | None = None, cycles: CycleRates | None = None
) -> PredictedLatency | None:
    """Of one inference; None where a function of the network was never measured on that core.

    Args:
        rates: for functions that are in no table.
        cycles: None counts one cycle an instruction, which is a lower bound.
    """
    known: list[float] = []
    cycles = None if cycles is None else cycles.for_calls(calls)
    running = [call for call in calls if not call.is_view]
    for call in running:
        instructions = predicted_instructions(call, cpu, rates)
        if instructions is None:
            return None
        if cycles is None:
            known.append(instructions)
        else:
            known.append(cycles.total(call, cpu, rates) or 0.0)
    us = sum(known) * 1e6 / cpu.clock_hz
    if cycles is None:
        return PredictedLatency(us, LatencyBasis.INSTRUCTIONS)
    basis = LatencyBasis.CALIBRATED_KERNELS if cycles.is_calibrated else LatencyBasis.KERNELS
    range_us = None if cycles.range is None else (us * cycles.range[0], us * cycles.range[1])
    return PredictedLatency(us, basis, range_us, range_us is None or not cycles.counts_flash)
