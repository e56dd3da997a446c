"""Operators whose results nobody reads go, then tensors nobody refers to; the rest is numbered anew."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.ir import Graph, Op


def run(graph: Graph) -> Graph:
    wanted = set(graph.outputs)
    ops: list[Op] = []
    for op in reversed(graph.ops):
        keeps_state = any(tensor >= 0 and graph.tensors[tensor].is_variable for tensor in op.inputs)
        if keeps_state or not wanted.isdisjoint(op.outputs):
            ops.append(op)
            wanted.update(tensor for tensor in op.inputs if tensor >= 0)
    ops.reverse()
    used = set(graph.inputs) | set(graph.outputs)
    for op in ops:
        used.update(tensor for tensor in (*op.inputs, *op.outputs, *op.attrs.get("intermediates", ())) if tensor >= 0)
    if len(ops) == len(graph.ops) and len(used) == len(graph.tensors):
        return graph
    number = {old: new for new, old in enumerate(sorted(used))} | {-1: -1}

    def renumbered(tensors: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(number[tensor] for tensor in tensors)

    def moved(op: Op) -> Op:
        attrs = op.attrs
        if "intermediates" in attrs:
            attrs = {**attrs, "intermediates": renumbered(tuple(attrs["intermediates"]))}
        return replace(op, inputs=renumbered(op.inputs), outputs=renumbered(op.outputs), attrs=attrs)

    return Graph(
        tensors=tuple(graph.tensors[old] for old in sorted(used)),
        ops=tuple(moved(op) for op in ops),
        inputs=renumbered(graph.inputs),
        outputs=renumbered(graph.outputs),
    )
