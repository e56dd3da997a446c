"""Chains of RESHAPE, SQUEEZE and EXPAND_DIMS become one RESHAPE; one that keeps the shape goes."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.engine.graph.edit import edited, same_values
from edgeprune.ir import NO_ATTRS, Graph, Op, OpKind


def run(graph: Graph) -> Graph:
    dropped: list[int] = []
    uses: dict[int, int] = {}
    replaced: dict[int, Op] = {}
    origin: dict[int, int] = {}
    for index, op in enumerate(graph.ops):
        if not op.traits.is_reshape:
            continue
        data, output = op.inputs[0], op.outputs[0]
        origin[output] = origin.get(data, data)
        if not same_values(graph, origin[output], output):
            origin[output] = data
        start = origin[output]
        is_same = graph.tensors[start].shape == graph.tensors[output].shape and same_values(graph, start, output)
        if is_same and output not in graph.outputs:
            dropped.append(index)
            uses[output] = start
        elif start != data:
            replaced[index] = replace(op, kind=OpKind.RESHAPE, inputs=(start,), attrs=NO_ATTRS)
    return edited(graph, dropped, uses, replaced)
