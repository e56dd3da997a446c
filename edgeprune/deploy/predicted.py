"""A network on the target before it is trained: its int8 graph, compiled with synthetic weights."""

from __future__ import annotations

from collections.abc import Mapping

from edgeprune.engine.codegen.emit import Identity
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_graph
from edgeprune.engine.cost.synthetic_constants import with_synthetic_constants
from edgeprune.engine.graph.clean import clean
from edgeprune.engine.graph.early_exit import MARGINS, with_early_exit
from edgeprune.engine.kernels import with_provable_scales
from edgeprune.hardware.profile import Target
from edgeprune.ir import Graph
from edgeprune.prune.network import Network
from edgeprune.prune.widths.predicted_graph import predicted_graph
from edgeprune.release import __version__

BASELINE = Identity("baseline", "0" * 16, "baseline", "edgeprune, a size baseline", __version__)


def int8_graph(network: Network, widths: Mapping[str, int]) -> Graph:
    """The network at these widths as it will be compiled, without data; an early exit's margin changes no size."""
    graph = clean(predicted_graph(network.traced, network.groups, widths))
    return with_early_exit(graph, MARGINS[-1]) if network.leaves_early else graph


def synthetic_graph(network: Network, widths: Mapping[str, int]) -> Graph:
    """The int8 graph at these widths, clean, weights drawn at random, their scales chosen as an export chooses them."""
    return with_provable_scales(with_synthetic_constants(int8_graph(network, widths)))


def compile_synthetic(
    network: Network, target: Target, options: CompileOptions, widths: Mapping[str, int]
) -> CompiledModel:
    """The network at these widths, weights drawn at random."""
    return compile_graph(synthetic_graph(network, widths), target, options, BASELINE)
