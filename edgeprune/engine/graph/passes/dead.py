"""Removes operators whose results are unused, then tensors without references; the rest is renumbered."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.ir import Graph, LstmAttrs, Op, OpKind


def run(graph: Graph) -> Graph:
    wanted = set(graph.outputs)
    ops: list[Op] = []
    for op in reversed(graph.ops):
        keeps_state = op.kind is not OpKind.READ_VARIABLE and any(
            tensor >= 0 and graph.tensors[tensor].is_variable for tensor in (*op.inputs, *op.outputs)
        )
        if keeps_state or not wanted.isdisjoint(op.outputs):
            ops.append(op)
            wanted.update(tensor for tensor in op.inputs if tensor >= 0)
    ops.reverse()
    used = set(graph.inputs) | set(graph.outputs)
    for op in ops:
        intermediates = op.attrs.intermediates if isinstance(op.attrs, LstmAttrs) else ()
        used.update(tensor for tensor in (*op.inputs, *op.outputs, *intermediates) if tensor >= 0)
    if len(ops) == len(graph.ops) and len(used) == len(graph.tensors):
        return graph
    number = {old: new for new, old in enumerate(sorted(used))} | {-1: -1}

    def renumbered(tensors: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(number[tensor] for tensor in tensors)

    def moved(op: Op) -> Op:
        attrs = op.attrs
        if isinstance(attrs, LstmAttrs):
            attrs = replace(attrs, intermediates=renumbered(attrs.intermediates))
        return replace(op, inputs=renumbered(op.inputs), outputs=renumbered(op.outputs), attrs=attrs)

    return Graph(
        tensors=tuple(graph.tensors[old] for old in sorted(used)),
        ops=tuple(moved(op) for op in ops),
        inputs=renumbered(graph.inputs),
        outputs=renumbered(graph.outputs),
    )
