"""A RELU of its own becomes the activation of the operator before it, where both scales are the same.

With equal scales the separate operator only clamps, to the range a fused activation clamps to; over what is never
negative a RELU does nothing at all. That zero happens to be the lowest value of a scale is no reason: the calibration
samples make it so, which nobody knows when a network's size is predicted.
"""

from __future__ import annotations

from dataclasses import replace

from edgeprune.engine.graph.edit import edited, same_values, sole_reader
from edgeprune.ir import Activation, Graph, Op, never_negative, with_activation


def run(graph: Graph) -> Graph:
    dropped: list[int] = []
    replaced: dict[int, Op] = {}
    uses: dict[int, int] = {}
    known = never_negative(graph)
    for index, op in enumerate(graph.ops):
        activation = op.traits.standalone_activation
        if activation is None:
            continue
        before, after = op.inputs[0], op.outputs[0]
        same = same_values(graph, before, after)
        if activation is Activation.RELU and after not in graph.outputs and same and before in known:
            uses[after] = before
            dropped.append(index)
            continue
        host = graph.producer.get(before)
        if host is None or sole_reader(graph, before) != index or not same:
            continue
        first = graph.ops[host]
        if first.traits.takes_activation and first.activation is Activation.NONE:
            attrs = with_activation(first.attrs, activation)
            replaced[host] = replace(first, outputs=(after,), attrs=attrs)
            dropped.append(index)
    return edited(graph, dropped, uses, replaced)
