"""Operators that only move constants about are carried out once, here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgeprune.engine.graph.edit import edited, same_values
from edgeprune.ir import Activation, AxisAttrs, Graph, Op, OpKind, Tensor, TransposeAttrs, attrs_of


def run(graph: Graph) -> Graph:
    dropped: list[int] = []
    made: dict[int, Tensor] = {}
    for index, op in enumerate(graph.ops):
        inputs = [made.get(tensor, graph.tensors[tensor]) for tensor in op.inputs if tensor >= 0]
        output = op.outputs[0]
        if not _only_moves(op) or not all(tensor.is_constant for tensor in inputs) or output in graph.outputs:
            continue
        if any(not same_values(graph, tensor, output) for tensor in op.inputs):
            continue
        known = all(tensor.data is not None for tensor in inputs)
        data = _moved(op, [t.data for t in inputs if t.data is not None], graph.tensors[output]) if known else None
        made[output] = replace(graph.tensors[output], data=data, is_constant=True)
        dropped.append(index)
    return edited(graph, dropped, tensors=made)


def _only_moves(op: Op) -> bool:
    if op.activation is not Activation.NONE:
        return False
    return op.traits.is_reshape or op.traits.is_join or op.kind is OpKind.TRANSPOSE


def _moved(op: Op, values: Sequence[np.ndarray], output: Tensor) -> np.ndarray:
    if op.kind is OpKind.TRANSPOSE:
        return values[0].transpose(attrs_of(op, TransposeAttrs).permutation)
    if op.kind is OpKind.CONCATENATION:
        return np.concatenate(values, attrs_of(op, AxisAttrs).axis)
    if op.kind is OpKind.PACK:
        return np.stack(values, attrs_of(op, AxisAttrs).axis)
    return values[0].reshape(output.shape)
