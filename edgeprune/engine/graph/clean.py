"""Graph clean-up: fewer operators and tensors, the same output bytes."""

from __future__ import annotations

from edgeprune.engine.graph.passes import (
    activations,
    constants,
    cuts,
    dead,
    dilated,
    flattens,
    islands,
    pads,
    reals,
    reductions,
    requantizes,
    slices,
    splits,
    stems,
    tables,
    transposes,
    views,
    zeros,
)
from edgeprune.ir import Graph

_PASSES = (
    constants, reals, zeros, dilated, requantizes, islands, transposes, flattens, views, reductions, pads, activations,
    stems, tables, splits, slices, cuts, dead,
)  # fmt: skip


def clean(graph: Graph) -> Graph:
    """The graph after all passes, again and again until none finds anything.

    Works on an int8 graph with or without constant data and gives the same operators and shapes for both. Names of what
    stays stay; tensors are numbered anew.
    """
    while True:
        before = graph
        for rewrite in _PASSES:
            graph = rewrite.run(graph)
        if graph is before:
            return graph
