"""A compiled model's predicted footprint as firmware."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.budget import Footprint
from edgeprune.engine.compile import CompiledModel
from edgeprune.engine.cost.cycle_rates import predicted_latency
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.engine.cost.footprint import footprint
from edgeprune.hardware.profile import Target


def footprint_of(compiled: CompiledModel, target: Target, baseline: EngineBaseline) -> Footprint:
    """Predicted bytes by part of a compiled model and the fast form of its time, from its calls and plan alone."""
    made = footprint(compiled.graph, compiled.calls, compiled.plan, baseline)
    latency = predicted_latency(compiled.calls, target.cpu, baseline.rates, baseline.cycles)
    if latency is None:
        return made
    return replace(
        made,
        latency_us=latency.us,
        latency_is_floor=latency.is_floor,
        latency_basis=latency.basis,
        latency_range_us=latency.range_us,
    )
