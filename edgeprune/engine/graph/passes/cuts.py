"""SLICE behind a transposed convolution goes into what that cuts off its full result."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.engine.graph.edit import edited, same_values, sole_reader
from edgeprune.ir import Graph, Op, OpKind, Pad, SliceAttrs, StridedSliceAttrs, TransposeConvAttrs, attrs_of


def run(graph: Graph) -> Graph:
    dropped: list[int] = []
    replaced: dict[int, Op] = {}
    for index, op in enumerate(graph.ops):
        reader = sole_reader(graph, op.outputs[0]) if op.kind is OpKind.TRANSPOSE_CONV else None
        if reader is None or not same_values(graph, op.outputs[0], graph.ops[reader].outputs[0]):
            continue
        cut = _cut(graph, graph.ops[reader])
        if cut is None:
            continue
        attrs = attrs_of(op, TransposeConvAttrs)
        top, bottom, left, right = (own + more for own, more in zip(attrs.pad, cut, strict=True))
        shorter = replace(attrs, pad=(top, bottom, left, right))
        replaced[index] = replace(op, outputs=graph.ops[reader].outputs, attrs=shorter)
        dropped.append(reader)
    return edited(graph, dropped, replaced=replaced)


def _cut(graph: Graph, op: Op) -> Pad | None:
    """Rows and columns the operator takes off an image; None where it does something else."""
    shape, target = graph.tensors[op.inputs[0]].shape, graph.output_of(op).shape
    if op.kind not in (OpKind.SLICE, OpKind.STRIDED_SLICE) or len(target) != 4:
        return None
    attrs = op.attrs
    assert isinstance(attrs, SliceAttrs | StridedSliceAttrs)
    whole = all(shape[axis] == target[axis] for axis in (0, 3))
    if not whole or any(step != 1 for step in attrs.strides):
        return None
    (top, left), (height, width) = attrs.begin[1:3], target[1:3]
    return (top, shape[1] - top - height, left, shape[2] - left - width)
