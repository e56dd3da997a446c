"""What leaving a network early saves in predicted instructions, and where the engine cannot leave it."""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.budget import Optimize
from edgeprune.deploy.predicted import int8_graph
from edgeprune.deploy.protocol import ExitWork
from edgeprune.engine.cost.latency import predicted_instructions
from edgeprune.engine.graph.early_exit import added, passing_by, skipped
from edgeprune.engine.kernels import lower
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.errors import ModelError
from edgeprune.hardware.profile import Cpu
from edgeprune.ir import Graph
from edgeprune.prune.network import Network


def work_of(graph: Graph, calls: Sequence[KernelCall], cpu: Cpu) -> ExitWork:
    """In predicted instructions, or MACs where a kernel was never measured."""
    each = [0.0 if call.is_view else predicted_instructions(call, cpu) for call in calls]
    known = [one for one in each if one is not None]
    costs = known if len(known) == len(each) else [float(call.work.macs) for call in calls]
    late, own = (sum(costs[index] for index in part) for part in (skipped(graph), added(graph)))
    return ExitWork(sum(costs) - late, late, sum(costs) - own)


def work_behind(after: str, network: Network, leaving: Network, cpu: Cpu, optimize: Optimize) -> ExitWork:
    """Of a network before it is thinned.

    Args:
        after: path of the module it is left behind.
        leaving: the same network with an exit there.

    Raises:
        ModelError: it cannot be left there.
    """
    graph = int8_graph(leaving, leaving.widths)
    if _layers(graph, added(graph)) != _layers(int8_graph(network, network.widths), frozenset()):
        raise ModelError(
            f"leaving behind {after} would separate layers that are one operator on the device",
            hint="leave behind a whole block: after its batch norm and activation",
        )
    if len(passing_by(graph)) != 1:
        raise ModelError(
            f"what follows {after} reads {len(passing_by(graph))} activations from before it",
            hint="leave between two blocks, where no shortcut passes by",
        )
    return work_of(graph, lower(graph, cpu.isa, optimize), cpu)


def _layers(graph: Graph, without: frozenset[int]) -> list[tuple[str, str, str]]:
    return sorted(
        (str(op.kind), op.name, str(op.activation)) for index, op in enumerate(graph.ops) if index not in without
    )
