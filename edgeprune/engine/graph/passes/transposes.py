"""TRANSPOSE after TRANSPOSE becomes one; one that moves only axes of length one is a RESHAPE.

`flatten` of an image that is one pixel wide leaves such a TRANSPOSE behind.
"""

from __future__ import annotations

from dataclasses import replace

from edgeprune.engine.graph.edit import edited, same_values
from edgeprune.ir import NO_ATTRS, Graph, Op, OpKind, TransposeAttrs, attrs_of


def run(graph: Graph) -> Graph:
    replaced: dict[int, Op] = {}
    for index, op in enumerate(graph.ops):
        if op.kind is not OpKind.TRANSPOSE:
            continue
        before = graph.ops[graph.producer[op.inputs[0]]] if op.inputs[0] in graph.producer else None
        shape = graph.tensors[op.inputs[0]].shape
        attrs = attrs_of(op, TransposeAttrs)
        if not attrs.moves_bytes(shape) and same_values(graph, op.inputs[0], op.outputs[0]):
            replaced[index] = replace(op, kind=OpKind.RESHAPE, inputs=op.inputs[:1], attrs=NO_ATTRS)
        elif (
            before is not None
            and before.kind is OpKind.TRANSPOSE
            and same_values(graph, before.inputs[0], op.outputs[0])
        ):
            first = attrs_of(before, TransposeAttrs).permutation
            both = tuple(first[axis] for axis in attrs.permutation)
            replaced[index] = replace(op, inputs=before.inputs[:1], attrs=TransposeAttrs(permutation=both))
    return edited(graph, replaced=replaced)
