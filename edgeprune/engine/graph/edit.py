"""Changing a frozen graph: drop operators, replace them, read other tensors instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from edgeprune.ir import Graph, Op, Tensor


def edited(
    graph: Graph,
    dropped: Iterable[int] = (),
    uses: Mapping[int, int] | None = None,
    replaced: Mapping[int, Op] | None = None,
    tensors: Mapping[int, Tensor] | None = None,
) -> Graph:
    """The graph after all changes at once; the same object when there are none.

    Args:
        dropped: indices of ops that go.
        uses: tensor -> tensor to read in its stead; chains are followed. Graph outputs stay what they are.
        replaced: op index -> its successor, before `uses` is applied.
        tensors: tensor index -> its successor.
    """
    gone, uses, replaced, tensors = set(dropped), uses or {}, replaced or {}, tensors or {}
    if not (gone or uses or replaced or tensors):
        return graph

    def source(tensor: int) -> int:
        while tensor in uses:
            tensor = uses[tensor]
        return tensor

    ops = []
    for index, old in enumerate(graph.ops):
        if index in gone:
            continue
        op = replaced.get(index, old)
        inputs = tuple(source(tensor) for tensor in op.inputs)
        ops.append(op if inputs == op.inputs else replace(op, inputs=inputs))
    kept = tuple(tensors.get(index, tensor) for index, tensor in enumerate(graph.tensors))
    return replace(graph, tensors=kept, ops=tuple(ops))


def sole_reader(graph: Graph, tensor: int) -> int | None:
    """The only op that reads an activation, else None."""
    readers = graph.consumers.get(tensor, ())
    return readers[0] if len(readers) == 1 and tensor not in graph.outputs else None


def same_values(graph: Graph, one: int, other: int) -> bool:
    """True where equal bytes of two tensors mean equal values."""
    a, b = graph.tensors[one], graph.tensors[other]
    return (a.dtype, a.qparams) == (b.dtype, b.qparams)
