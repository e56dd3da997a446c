"""Predicted instructions of a kernel call, from costs measured on emulated boards.

`kernel_costs.json` (made by `benchmarks/kernel_costs.py`) holds for each core and C function the non-negative
coefficients of `instructions = per_mac * macs + per_output * outputs + per_call + sum(per_feature * Work.features)`,
fitted to profiles of real layers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from edgeprune.engine.kernels.base import KernelCall
from edgeprune.hardware.profile import Cpu

_COSTS = Path(__file__).parent / "kernel_costs.json"


@dataclass(frozen=True)
class KernelCost:
    """Emulated instructions of one function; `error`: the largest relative misfit among the `layers` fitted to."""

    per_mac: float
    per_output: float
    per_call: float
    error: float
    layers: int
    per_feature: Mapping[str, float] = field(default_factory=dict)

    def instructions(self, call: KernelCall) -> float:
        work = call.work
        features = sum(cost * work.features.get(name, 0) for name, cost in self.per_feature.items())
        return self.per_mac * work.macs + self.per_output * work.outputs + self.per_call + features


@cache
def kernel_costs(core: str) -> dict[str, KernelCost]:
    """Function -> cost on `core`; empty for cores without measurements."""
    measured = json.loads(_COSTS.read_text())
    return {function: KernelCost(**cost) for function, cost in measured["cores"].get(core, {}).items()}


Rates = Mapping[str, float]
"""Function -> instructions for a unit of its work, as one network's own layers took them on the emulated core."""


def measured_rates(calls: Sequence[KernelCall], instructions: Sequence[float], cpu: Cpu) -> dict[str, float]:
    """Rates of the functions whose cost on this core is in no table.

    Args:
        calls: that run, views left out.
        instructions: of each, as the emulated core counted them.
    """
    taken: dict[str, float] = {}
    units: dict[str, float] = {}
    for call, count in zip(calls, instructions, strict=True):
        if predicted_instructions(call, cpu) is None:
            taken[call.function] = taken.get(call.function, 0.0) + count
            units[call.function] = units.get(call.function, 0.0) + work_units(call)
    return {function: taken[function] / units[function] for function in taken}


def work_units(call: KernelCall) -> int:
    """Multiply-accumulates, or outputs where there are none."""
    return max(call.work.macs, call.work.outputs, 1)


def predicted_instructions(call: KernelCall, cpu: Cpu, rates: Rates | None = None) -> float | None:
    """Of one call on an emulated core, or of its parts; None where a function was never measured there.

    Args:
        rates: for functions that are in no table.
    """
    if rates and call.function in rates:
        return rates[call.function] * work_units(call)
    if call.parts:
        each = [(predicted_instructions(part, cpu, rates), times) for part, times in call.parts]
        known = [instructions * times for instructions, times in each if instructions is not None]
        return None if len(known) < len(each) else sum(known)
    cost = kernel_costs(cpu.core).get(call.function)
    return None if cost is None else cost.instructions(call)
