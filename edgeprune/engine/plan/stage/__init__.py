"""`--ram-first`: the first layers run row by row, as many of them as make the arena smallest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from edgeprune.budget import Optimize
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.plan import MemoryPlan, least_arena_bytes, make_plan
from edgeprune.engine.plan.conflicts import Problem
from edgeprune.engine.plan.place import place
from edgeprune.engine.plan.stage.call import average_rows_call, out_row_bytes, stage_call
from edgeprune.engine.plan.stage.flow import Flow, band, find_flow, simulate, sums_rows
from edgeprune.engine.plan.stage.layout import fullest_bytes, lay_out, quick_place
from edgeprune.engine.plan.stage.validator import validate_stage
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op, OpKind, StageAttrs

__all__ = ["Staged", "find_flows", "plan_ram_first", "with_stage"]


@dataclass(frozen=True, eq=False)
class Staged:
    """A graph whose first layers may be one op of kind STAGE, its calls and its plan.

    Attributes:
        extra_macs: multiplications the stage costs beyond those of the layers one by one.
    """

    graph: Graph
    calls: tuple[KernelCall, ...]
    plan: MemoryPlan
    extra_macs: int


def plan_ram_first(graph: Graph, isa: Isa, optimize: Optimize) -> Staged:
    """The smallest arena over all counts of layers run row by row, zero included; then the fewest layers.

    Kernels that trade RAM for speed (Winograd's filtering, of `speed`) are left out.

    Raises:
        UnsupportedOp, ModelError: as `lower`.
        PlanError: a placement that breaks a live value (a bug).
    """
    lean = Optimize.BALANCED if optimize is Optimize.SPEED else optimize
    calls = lower(graph, isa, lean)
    chosen: Flow | None = None
    best_bytes = least_arena_bytes(graph, calls)
    for flow in find_flows(graph, calls, isa, lean):
        fullest = fullest_bytes(flow)
        if fullest + graph.tensors[flow.source].size_bytes >= best_bytes:
            break
        if fullest + graph.output_of(flow.layers[-1].op).size_bytes < best_bytes:
            needed_bytes = least_arena_bytes(*with_stage(graph, calls, flow, quick_place))
            if needed_bytes < best_bytes:
                chosen, best_bytes = flow, needed_bytes
    best = with_stage(graph, calls, chosen) if chosen is not None else (graph, calls)
    extra_macs = sum(call.work.macs for call in best[1]) - sum(call.work.macs for call in calls)
    return Staged(*best, make_plan(*best), extra_macs)


def find_flows(graph: Graph, calls: Sequence[KernelCall], isa: Isa, optimize: Optimize) -> Iterator[Flow]:
    """Every run of first layers, views before them aside, that can run row by row; shortest first."""
    first = next((index for index, call in enumerate(calls) if not call.is_view), len(calls))
    row_calls: list[KernelCall] = []
    for op in graph.ops[first:]:
        call = _row_call(graph, op, isa, optimize)
        if call is None:
            return
        row_calls.append(call)
        flow = find_flow(graph, first, row_calls)
        if flow is not None:
            yield flow


def with_stage(
    graph: Graph,
    calls: Sequence[KernelCall],
    flow: Flow,
    placing: Callable[[Problem], tuple[int, ...]] = place,
) -> tuple[Graph, tuple[KernelCall, ...]]:
    """Graph and calls with the flow's ops as one, laid out and validated."""
    row_bytes = out_row_bytes(graph, flow)
    held = simulate(flow, row_bytes)
    layout = lay_out(flow, held, placing)
    validate_stage(flow, layout, row_bytes, held.lead_bytes)
    last = flow.layers[-1].op
    name = f"{flow.layers[0].op.name}..{last.name}"
    stage = Op(OpKind.STAGE, name, (flow.source,), last.outputs, StageAttrs(layer_count=len(flow.layers)))
    ops = (*graph.ops[: flow.first], stage, *graph.ops[flow.end :])
    call = stage_call(graph, flow, held, layout)
    return replace(graph, ops=ops), (*calls[: flow.first], call, *calls[flow.end :])


def _row_call(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    """What makes one row of an op's output; None for an op that has no rows."""
    if sums_rows(graph, op):
        return average_rows_call(graph, op)
    one_row = band(graph, op)
    return None if one_row is None else lower(one_row, isa, optimize)[0]
