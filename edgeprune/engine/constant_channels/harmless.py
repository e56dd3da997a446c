"""Constant channels that stay lose their weights and get a scale like their neighbours'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgeprune.engine.constant_channels.intervals import Interval, reachable_sums
from edgeprune.engine.kernels.linear.filters import read_filters
from edgeprune.engine.kernels.linear.harmless import harmless
from edgeprune.ir import Graph


def with_harmless_channels(graph: Graph, intervals: Mapping[int, Interval]) -> Graph:
    """The graph itself where nothing is to be done.

    Args:
        intervals: of the graph, and of what comes back: no channel's values change.
    """
    ops, tensors = list(graph.ops), list(graph.tensors)
    for position, op in enumerate(graph.ops):
        source, result = intervals.get(op.inputs[0]), intervals.get(op.outputs[0])
        if source is None or result is None or not result.is_constant.any():
            continue
        filters = read_filters(graph, op)
        if filters is None:
            continue
        reached = reachable_sums(filters, source)[:, 0]
        layer = harmless(filters, result.is_constant, result.low, reached)
        if layer is not None:
            tensors += layer
            ops[position] = replace(op, inputs=(op.inputs[0], len(tensors) - 2, len(tensors) - 1))
    return graph if len(tensors) == len(graph.tensors) else replace(graph, tensors=tuple(tensors), ops=tuple(ops))
