"""A compiled model's predicted footprint as firmware."""

from __future__ import annotations

from edgeprune.budget import Footprint
from edgeprune.engine.compile import CompiledModel
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.engine.cost.footprint import footprint
from edgeprune.engine.cost.latency import predicted_us
from edgeprune.hardware.profile import Target


def footprint_of(compiled: CompiledModel, target: Target, baseline: EngineBaseline) -> Footprint:
    """Predicted bytes by part of a compiled model, from its calls and plan alone."""
    latency_us = predicted_us(compiled.calls, target.cpu, baseline.rates)
    return footprint(compiled.graph, compiled.calls, compiled.plan, baseline, latency_us)
