"""A RESHAPE that does no more than drop the axes a reduction left with length 1: the reduction drops them itself."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.engine.graph.edit import edited, same_values, sole_reader
from edgeprune.ir import Graph, Op, ReduceAttrs


def run(graph: Graph) -> Graph:
    dropped: list[int] = []
    replaced: dict[int, Op] = {}
    for index, op in enumerate(graph.ops):
        if not isinstance(op.attrs, ReduceAttrs) or not op.attrs.keep_dims:
            continue
        reader = sole_reader(graph, op.outputs[0])
        if reader is None or not graph.ops[reader].traits.is_reshape:
            continue
        output, axes = graph.ops[reader].outputs[0], op.attrs.axes
        kept = tuple(size for axis, size in enumerate(graph.tensors[op.inputs[0]].shape) if axis not in axes)
        if graph.tensors[output].shape == kept and same_values(graph, op.outputs[0], output):
            replaced[index] = replace(op, outputs=(output,), attrs=replace(op.attrs, keep_dims=False))
            dropped.append(reader)
    return edited(graph, dropped, {}, replaced)
