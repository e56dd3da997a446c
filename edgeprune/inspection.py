"""What a network would take on a target before anything is thinned or trained: by part, by layer, with a verdict."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgeprune.budget import Budget, Footprint
from edgeprune.cost.flash import constant_bytes
from edgeprune.deploy import CompiledModel
from edgeprune.fitting.cost import WidthCost, measure_baseline
from edgeprune.fitting.network import Network
from edgeprune.kernels.base import Optimize
from edgeprune.target.profile import Target


@dataclass(frozen=True)
class LayerNeeds:
    """One layer: `arena_bytes` is what any plan needs while it runs, `flash_bytes` its weights and tables."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    macs: int
    flash_bytes: int
    arena_bytes: int


@dataclass(frozen=True)
class Inspection:
    """footprint: flash as linked with sample weights, RAM planned and measured; layers: in execution order.

    frozen: channels that cannot be thinned, with the reason, as `Frozen` of `prune/groups.py` says it.
    """

    footprint: Footprint
    budget: Budget
    layers: tuple[LayerNeeds, ...]
    widths: dict[str, int]
    frozen: tuple[str, ...]

    @property
    def fits(self) -> bool:
        return self.footprint.fits(self.budget)


def inspect_network(network: Network, target: Target, optimize: Optimize, budget: Budget) -> Inspection:
    """Links the network as it is, runs it once on the emulated machine, and lays out what it takes.

    Raises:
        UnsupportedOp: an operator the engine has not, named with its layer.
        UsageError: no emulated machine stands in for the target.
        ToolchainError: compiler or emulator missing.
    """
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        baseline = measure_baseline(network, target, optimize, Path(folder))
    cost = WidthCost(network, target, optimize, baseline)
    frozen = (f"{held.layer} ({held.where}): {held.channels} channels, {held.reason}" for held in network.groups.frozen)
    return Inspection(
        cost.footprint(network.widths),
        budget,
        layer_needs(cost.compiled(network.widths)),
        network.widths,
        tuple(frozen),
    )


def layer_needs(compiled: CompiledModel) -> tuple[LayerNeeds, ...]:
    """Each layer that runs."""
    graph = compiled.graph
    return tuple(
        LayerNeeds(
            name=graph.ops[index].name,
            kind=str(graph.ops[index].kind),
            output_shape=graph.output_of(graph.ops[index]).shape,
            macs=compiled.calls[index].work.macs,
            flash_bytes=sum(constant_bytes([compiled.calls[index]]).values()),
            arena_bytes=compiled.plan.needed_bytes[index],
        )
        for index in compiled.running
    )
