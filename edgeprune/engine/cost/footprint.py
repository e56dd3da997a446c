"""Everything a model needs, predicted from its calls, its plan and one baseline image: nothing is built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edgeprune.budget import SPARE_RAM, Footprint
from edgeprune.engine.cost.flash_size import EngineBaseline, spare_ram_bytes
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.ir import Graph


class Plan(Protocol):
    """The arena of a memory plan, and the op at its peak."""

    @property
    def arena_bytes(self) -> int: ...
    @property
    def peak_op(self) -> int: ...


def footprint(
    graph: Graph, calls: Sequence[KernelCall], plan: Plan, baseline: EngineBaseline, latency_us: float | None = None
) -> Footprint:
    """Bytes by part, the layer at the RAM peak, MACs.

    Args:
        graph: predicted or read back, cleaned.
        calls: one per op.
        plan: of these calls.
        baseline: of a link of the same network.
        latency_us: predicted or measured, where a clock is known.
    """
    ram_parts = {"arena": plan.arena_bytes, "data": baseline.data_bytes, "stack": baseline.stack_bytes}
    spare_bytes = spare_ram_bytes(calls)
    ram_parts |= {"console": baseline.console_bytes} if baseline.console_bytes else {}
    return Footprint(
        flash_parts=baseline.flash_with(calls),
        ram_parts=ram_parts | ({SPARE_RAM: spare_bytes} if spare_bytes else {}),
        peak_layer=graph.ops[plan.peak_op].name if graph.ops else "",
        macs=sum(call.work.macs for call in calls),
        latency_us=latency_us,
    )
