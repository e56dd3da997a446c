"""Constants that a kernel reads as its activation are copied into the arena: a slice of all of them.

Exporters leave such operators behind: a layer over a learned query, a curve of a table. Kernels of two operands and
those that only move values read constants where they are.
"""

from __future__ import annotations

from dataclasses import replace

from edgeprune.ir import Graph, Op, OpKind, PoolAttrs, ReduceAttrs, SliceAttrs, Tensor


def with_constants_in_arena(graph: Graph) -> Graph:
    """The graph itself where no operator reads a constant so."""
    tensors, ops, copies = list(graph.tensors), list[Op](), dict[int, int]()
    for op in graph.ops:
        source = op.inputs[0] if op.inputs else -1
        if source < 0 or not graph.tensors[source].is_constant or not _reads_one_activation(op):
            ops.append(op)
            continue
        if source not in copies:
            copies[source] = len(tensors)
            ops.append(_copy(graph.tensors[source], source, len(tensors)))
            tensors.append(replace(graph.tensors[source], name=ops[-1].name, data=None, is_constant=False))
        ops.append(replace(op, inputs=(copies[source], *op.inputs[1:])))
    return replace(graph, tensors=tuple(tensors), ops=tuple(ops)) if copies else graph


def _copy(tensor: Tensor, source: int, target: int) -> Op:
    attrs = SliceAttrs(begin=(0,) * len(tensor.shape), size=tensor.shape)
    return Op(OpKind.SLICE, f"{tensor.name}/copy", (source,), (target,), attrs)


def _reads_one_activation(op: Op) -> bool:
    if op.traits.has_weights:
        return True
    only_moves = op.traits.keeps_scale and not isinstance(op.attrs, PoolAttrs | ReduceAttrs)
    return sum(index >= 0 for index in op.inputs) == 1 and not only_moves
