"""What a network would take on a target before anything is thinned or trained: by part, by layer, with a verdict."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from edgeprune.budget import Budget, Footprint, Optimize
from edgeprune.engine.compile import CompiledModel, CompileOptions
from edgeprune.engine.cost.flash_size import constant_bytes
from edgeprune.export.tflite import export_tflite
from edgeprune.hardware.profile import Target
from edgeprune.prune.network import Network
from edgeprune.quantize.layer_sqnr import LayerSqnr
from edgeprune.tasks.deployment import width_cost


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

    frozen: channels that cannot be thinned, with the reason, as in `Frozen` of `prune/coupling/channels.py`.
    """

    footprint: Footprint
    budget: Budget
    layers: tuple[LayerNeeds, ...]
    widths: dict[str, int]
    frozen: tuple[str, ...]

    @property
    def unjudged(self) -> tuple[str, ...]:
        """Limits that are not known to be broken, and that nothing says are held."""
        return self.footprint.unjudged(self.budget)

    @property
    def fits(self) -> bool:
        return self.footprint.fits(self.budget)


@dataclass(frozen=True)
class QuantizationNoise:
    """A network's int8 form over the calibration samples: its outputs' SQNR, and each layer that rounds."""

    sqnr_db: float
    layers: tuple[LayerSqnr, ...]


def inspect_quantization(module: nn.Module, samples: Tensor) -> QuantizationNoise:
    """Quantizes a network.

    Args:
        samples: (N, ...) float32 to calibrate on.

    Raises:
        DataError: data that cannot be used.
        ModelError, UnsupportedOp: as `export_tflite`.
    """
    exported = export_tflite(module, samples)
    return QuantizationNoise(exported.sqnr_db, exported.layer_sqnr(samples))


def inspect_network(network: Network, target: Target, optimize: Optimize, budget: Budget) -> Inspection:
    """Builds the network as it is, runs it once on this machine, and lays out what it takes.

    Raises:
        UnsupportedOp: an operator the engine has not, named with its layer.
        UsageError: no emulated machine stands in for the target.
        ToolchainError: compiler or emulator missing.
    """
    options = CompileOptions(optimize)
    cost = width_cost(network, target, options, budget)
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
