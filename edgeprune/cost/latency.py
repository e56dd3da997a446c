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

from edgeprune.kernels.base import KernelCall
from edgeprune.target.profile import Cpu

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
    """Function -> cost on `core`; empty where nothing was measured."""
    measured = json.loads(_COSTS.read_text())
    return {function: KernelCost(**cost) for function, cost in measured["cores"].get(core, {}).items()}


def predicted_instructions(call: KernelCall, cpu: Cpu) -> float | None:
    """Of one call on an emulated core, or of its parts; None where a function was never measured there."""
    if call.parts:
        each = [(predicted_instructions(part, cpu), times) for part, times in call.parts]
        known = [instructions * times for instructions, times in each if instructions is not None]
        return None if len(known) < len(each) else sum(known)
    cost = kernel_costs(cpu.core).get(call.function)
    return None if cost is None else cost.instructions(call)


def predicted_us(calls: Sequence[KernelCall], cpu: Cpu) -> float | None:
    """Of one inference, at one cycle an instruction: a lower bound, since loads and flash wait states take longer.

    None where a function of the network was never measured on that core.
    """
    each = [predicted_instructions(call, cpu) for call in calls if not call.is_view]
    known = [instructions for instructions in each if instructions is not None]
    return None if len(known) < len(each) else sum(known) * 1e6 / cpu.clock_hz
