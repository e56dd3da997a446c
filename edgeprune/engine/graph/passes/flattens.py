"""TRANSPOSE, flattened, into the FULLY_CONNECTEDs behind: their weights' columns change places instead.

`flatten` before a linear layer of a channels-first model leaves it behind.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.engine.graph.edit import edited, sole_reader
from edgeprune.ir import NO_ATTRS, Graph, Op, OpKind, Tensor, TransposeAttrs, attrs_of


def run(graph: Graph) -> Graph:
    replaced: dict[int, Op] = {}
    tensors: dict[int, Tensor] = {}
    for op in graph.ops:
        if op.kind is not OpKind.TRANSPOSE:
            continue
        data, shape = op.inputs[0], graph.tensors[op.inputs[0]].shape
        permutation = attrs_of(op, TransposeAttrs).permutation
        first, layers = _reshapes_to_dense(graph, op.outputs[0])
        if first is None or shape[0] != 1 or permutation[0] != 0:
            continue
        weights = [graph.ops[layer].inputs[1] for layer in layers]
        if any(graph.tensors[index].shape[1:] != (graph.tensors[data].element_count,) for index in weights):
            continue
        replaced[first] = replace(graph.ops[first], kind=OpKind.RESHAPE, inputs=(data,), attrs=NO_ATTRS)
        order = np.arange(graph.tensors[data].element_count).reshape(shape).transpose(permutation).reshape(-1)
        tensors |= {index: _reordered(graph.tensors[index], order) for index in weights}
    return edited(graph, replaced=replaced, tensors=tensors)


def _reordered(weights: Tensor, order: np.ndarray) -> Tensor:
    if weights.data is None:
        return weights
    moved = np.empty_like(weights.data)
    moved[:, order] = weights.data
    return replace(weights, data=moved)


def _reshapes_to_dense(graph: Graph, tensor: int) -> tuple[int | None, list[int]]:
    """The first of a chain of reshapes of `tensor`, and the FULLY_CONNECTEDs that alone read what comes out, each with
    weights of its own; None where that is not so."""
    first: int | None = None
    while (reader := sole_reader(graph, tensor)) is not None and graph.ops[reader].traits.is_reshape:
        first = reader if first is None else first
        tensor = graph.ops[reader].outputs[0]
    layers = list(graph.consumers.get(tensor, ()))
    if tensor in graph.outputs or not layers or not all(_is_dense(graph, layer, tensor) for layer in layers):
        return None, []
    return first, layers


def _is_dense(graph: Graph, position: int, tensor: int) -> bool:
    """Whether the operator multiplies `tensor` with constant weights that nobody else reads."""
    op = graph.ops[position]
    if op.kind is not OpKind.FULLY_CONNECTED or op.inputs[0] != tensor or op.inputs[1] == tensor:
        return False
    return graph.tensors[op.inputs[1]].is_constant and graph.consumers[op.inputs[1]] == (position,)
