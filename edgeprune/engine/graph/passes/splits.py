"""Channels split as soon as a pointwise convolution or a dense layer has made them: each part gets a layer of its own.

Their weights are rows that the parts share out: no product is made twice, and each part is written where it is read.
Wider windows are left alone: each part would gather them anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from edgeprune.engine.graph.edit import same_values
from edgeprune.ir import AxisAttrs, Graph, Op, OpKind, QParams, SliceAttrs, Tensor, attrs_of


@dataclass(frozen=True)
class _Part:
    """Channels first .. first + count - 1 of the whole, which become the tensor `output`."""

    output: int
    first: int
    count: int


def run(graph: Graph) -> Graph:
    tensors, made, rows = list(graph.tensors), dict[int, list[Op]](), dict[tuple[int, int, int], int]()
    gone: set[int] = set()
    for index, op in enumerate(graph.ops):
        whole = op.outputs[0]
        parts = _parts(graph, whole) if _is_pointwise(graph, op) else None
        if parts is None:
            continue
        made[index] = []
        for number, part in enumerate(parts):
            inputs = [op.inputs[0]]
            for constant in op.inputs[1:]:
                key = constant, part.first, part.count
                if constant >= 0 and key not in rows:  # a layer that is called again shares them
                    rows[key] = len(tensors)
                    tensors.append(_rows(graph.tensors[constant], part, number))
                inputs.append(rows.get(key, constant))
            made[index].append(replace(op, name=f"{op.name}/{number}", inputs=tuple(inputs), outputs=(part.output,)))
        gone.update(graph.consumers[whole])
    if not made:
        return graph
    ops = [new for index, op in enumerate(graph.ops) if index not in gone for new in made.get(index, [op])]
    return replace(graph, tensors=tuple(tensors), ops=tuple(ops))


def _parts(graph: Graph, whole: int) -> list[_Part] | None:
    """The parts the channels are read in; None where an op reads them all, or one twice."""
    if whole in graph.outputs or whole not in graph.consumers:
        return None
    shape, parts = graph.tensors[whole].shape, list[_Part]()
    for reader in graph.consumers[whole]:
        op = graph.ops[reader]
        firsts = _firsts(graph, op, len(shape) - 1) if op.inputs[0] == whole else None
        if firsts is None:
            return None
        for output, first in zip(op.outputs, firsts, strict=True):
            part = graph.tensors[output].shape
            if (
                part[:-1] != shape[:-1]
                or not 0 < part[-1] <= shape[-1] - first
                or not same_values(graph, whole, output)
            ):
                return None
            parts.append(_Part(output, first, part[-1]))
    ordered = sorted(parts, key=lambda part: part.first)
    disjoint = all(one.first + one.count <= other.first for one, other in pairwise(ordered))
    return parts if disjoint else None


def _firsts(graph: Graph, op: Op, axis: int) -> list[int] | None:
    """The first channel of each output of an operator that cuts the last axis; None for any other."""
    if op.kind is OpKind.SLICE:
        begin = attrs_of(op, SliceAttrs).begin
        return [begin[axis]] if len(begin) == axis + 1 and begin[axis] >= 0 and not any(begin[:axis]) else None
    if op.kind not in (OpKind.SPLIT, OpKind.SPLIT_V) or attrs_of(op, AxisAttrs).axis != axis:
        return None
    firsts, first = [], 0
    for output in op.outputs:
        firsts.append(first)
        first += graph.tensors[output].shape[-1]
    return firsts


def _is_pointwise(graph: Graph, op: Op) -> bool:
    """One group, one pixel, constants with a row for each channel."""
    if not op.traits.is_gemm:
        return False
    constants = [graph.tensors[tensor] for tensor in op.inputs[1:] if tensor >= 0]
    channels = graph.output_of(op).shape[-1:]
    if not constants or not all(tensor.is_constant and tensor.shape[:1] == channels for tensor in constants):
        return False
    if any(tensor.qparams is not None and tensor.qparams.axis not in (None, 0) for tensor in constants):
        return False
    weights, data = constants[0].shape, graph.tensors[op.inputs[0]].shape
    return weights[1:-1] in ((), (1, 1)) and weights[-1:] == data[-1:]


def _rows(tensor: Tensor, part: _Part, number: int) -> Tensor:
    rows, qparams = slice(part.first, part.first + part.count), tensor.qparams
    if qparams is not None and len(qparams.scale) > 1:
        scale = qparams.scale[rows]
        qparams = QParams(scale, qparams.zero_point[rows], qparams.axis if len(scale) > 1 else None)
    data = None if tensor.data is None else tensor.data[rows]
    return replace(
        tensor, name=f"{tensor.name}/{number}", shape=(part.count, *tensor.shape[1:]), qparams=qparams, data=data
    )
