"""SLICEs that cut a tensor in parts which lie end to end become one SPLIT_V: its outputs can stay where they are."""

from __future__ import annotations

from math import prod

from edgeprune.engine.graph.edit import edited, same_values
from edgeprune.ir import AxisAttrs, Graph, Op, OpKind, SliceAttrs, attrs_of


def run(graph: Graph) -> Graph:
    dropped: list[int] = []
    replaced: dict[int, Op] = {}
    for whole, readers in graph.consumers.items():
        parts = _parts(graph, whole, readers)
        if parts is None:
            continue
        axis, order = parts
        outputs = tuple(graph.ops[reader].outputs[0] for reader in order)
        first = min(order)
        replaced[first] = Op(OpKind.SPLIT_V, graph.ops[first].name, (whole,), outputs, AxisAttrs(axis=axis))
        dropped += [reader for reader in order if reader != first]
    return edited(graph, dropped, replaced=replaced)


def _parts(graph: Graph, whole: int, readers: tuple[int, ...]) -> tuple[int, list[int]] | None:
    """The axis, and the SLICEs that read the tensor in the order of their parts; None where anything else is read."""
    shape = graph.tensors[whole].shape
    if len(readers) < 2 or len(set(readers)) != len(readers) or whole in graph.outputs or whole in graph.inputs:
        return None
    cut: set[int] = set()
    for reader in readers:
        op = graph.ops[reader]
        if (
            op.kind is not OpKind.SLICE
            or not same_values(graph, whole, op.outputs[0])
            or op.outputs[0] in graph.outputs
        ):
            return None
        cut |= {axis for axis, size in enumerate(attrs_of(op, SliceAttrs).size) if size != shape[axis]}
    if len(cut) != 1 or prod(shape[: min(cut)]) != 1:
        return None
    axis = cut.pop()
    order = sorted(readers, key=lambda reader: attrs_of(graph.ops[reader], SliceAttrs).begin[axis])
    end = 0
    for reader in order:
        attrs = attrs_of(graph.ops[reader], SliceAttrs)
        if attrs.begin[axis] != end:
            return None
        end += attrs.size[axis]
    return (axis, order) if end == shape[axis] else None
