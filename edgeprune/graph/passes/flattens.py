"""TRANSPOSE, flattened, into FULLY_CONNECTED: the weights' columns change places instead.

`flatten` before a linear layer of a channels-first model leaves it behind.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.graph.edit import RESHAPES, edited, sole_reader
from edgeprune.ir import Graph, Op, OpKind, Tensor


def run(graph: Graph) -> Graph:
    replaced: dict[int, Op] = {}
    tensors: dict[int, Tensor] = {}
    for op in graph.ops:
        if op.kind is not OpKind.TRANSPOSE:
            continue
        data, shape = op.inputs[0], graph.tensors[op.inputs[0]].shape
        permutation = tuple(op.attrs["permutation"])
        path = _reshapes_to_dense(graph, op.outputs[0])
        if path is None or not path[:-1] or shape[0] != 1 or permutation[0] != 0:
            continue
        dense = graph.ops[path[-1]]
        weights = graph.tensors[dense.inputs[1]]
        if graph.consumers[dense.inputs[1]] != (path[-1],) or weights.shape[1:] != (graph.tensors[data].element_count,):
            continue
        first = graph.ops[path[0]]
        replaced[path[0]] = replace(first, kind=OpKind.RESHAPE, inputs=(data,), attrs={})
        if weights.data is not None:
            order = np.arange(weights.shape[1]).reshape(shape).transpose(permutation).reshape(-1)
            moved = np.empty_like(weights.data)
            moved[:, order] = weights.data
            tensors[dense.inputs[1]] = replace(weights, data=moved)
    return edited(graph, replaced=replaced, tensors=tensors)


def _reshapes_to_dense(graph: Graph, tensor: int) -> list[int] | None:
    """Ops from the one that reads `tensor` to the FULLY_CONNECTED that ends the chain of reshapes, if it does."""
    path: list[int] = []
    while (reader := sole_reader(graph, tensor)) is not None:
        op = graph.ops[reader]
        path.append(reader)
        if op.kind is OpKind.FULLY_CONNECTED:
            is_data = op.inputs[0] == tensor and op.inputs[1] != tensor and graph.tensors[op.inputs[1]].is_constant
            return path if is_data else None
        if op.kind not in RESHAPES:
            return None
        tensor = op.outputs[0]
    return None
