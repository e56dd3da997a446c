"""The fast form of predicted time: cycles of a kernel call from what one image of the network took by the slow form.

The slow form (`engine/cost/timing`) needs an image that ran. From its layers come cycles an instruction of each kernel
function, on one core and its flash; with predicted instructions they give the time of other widths, and of the same
image the slow form's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeprune.budget import LatencyBasis
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
        least, most: of what is predicted, shares that it may be (`PredictedTime.range_us`).
    """

    functions: Mapping[str, Rate]
    whole: Rate
    least: float
    most: float

    @staticmethod
    def of_noted(noted: Mapping[str, Any]) -> CycleRates:
        """From its `asdict`."""
        functions = {name: Rate(**rate) for name, rate in noted["functions"].items()}
        return CycleRates(functions, Rate(**noted["whole"]), noted["least"], noted["most"])

    def fixed(self, call: KernelCall, cpu: Cpu, rates: Rates | None) -> float | None:
        """Cycles but for those that constants in flash make it wait; None where its instructions are not predicted."""
        instructions = predicted_instructions(call, cpu, rates)
        return None if instructions is None else instructions * self._of(call).fixed

    def waits(self, call: KernelCall, cpu: Cpu, rates: Rates | None) -> float | None:
        """Cycles that its constants make it wait for flash: none where they lie in RAM."""
        if any(constant.in_ram for constant in call.constants):
            return 0.0
        instructions = predicted_instructions(call, cpu, rates)
        return None if instructions is None else instructions * self._of(call).waits

    def _of(self, call: KernelCall) -> Rate:
        return self.functions.get(call.function, self.whole)


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
    least_us, most_us = time.range_us
    return CycleRates(
        {name: _rate(cycles[name], instructions[name], share) for name in instructions},
        _rate(everything, sum(instructions.values()), share), least_us / time.us, most_us / time.us,
    )  # fmt: skip


def _rate(cycles: Cycles, instructions: float, share: float) -> Rate:
    fixed = cycles.total - cycles.flash_data
    return Rate(fixed * share / instructions, cycles.flash_data * share / instructions)


@dataclass(frozen=True)
class PredictedLatency:
    """Of one inference; range_us: the least and the most it may be, None where nothing says so."""

    us: float
    basis: LatencyBasis
    range_us: tuple[float, float] | None = None


def predicted_latency(
    calls: Sequence[KernelCall], cpu: Cpu, rates: Rates | None = None, cycles: CycleRates | None = None
) -> PredictedLatency | None:
    """Of one inference; None where a function of the network was never measured on that core.

    Args:
        rates: for functions that are in no table.
        cycles: None counts one cycle an instruction, which is a lower bound.
    """
    known: list[float] = []
    running = [call for call in calls if not call.is_view]
    for call in running:
        instructions = predicted_instructions(call, cpu, rates)
        if instructions is None:
            return None
        if cycles is None:
            known.append(instructions)
        else:
            known.append((cycles.fixed(call, cpu, rates) or 0.0) + (cycles.waits(call, cpu, rates) or 0.0))
    us = sum(known) * 1e6 / cpu.clock_hz
    if cycles is None:
        return PredictedLatency(us, LatencyBasis.INSTRUCTIONS)
    return PredictedLatency(us, LatencyBasis.KERNELS, (us * cycles.least, us * cycles.most))
