"""Weights with scales below zero: the same layer with those filters' signs turned round.

Batch normalization with a factor below zero folded into a convolution leaves them. `real = (q - zero) * scale` is the
same with `-q`, `-zero` and `-scale`, and so is every sum, whose bias turns round with it: LiteRT rounds the product of
a sum and a factor alike, whichever of the two is below zero.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import DType, Graph, Op, QParams, Tensor

_LOWEST = {DType.INT4: -8, DType.INT8: -128}  # has no opposite


def with_positive_scales(graph: Graph) -> Graph:
    """The graph itself where no scale is below zero.

    Raises:
        UnsupportedOp: a weight without an opposite value; int16 activations.
        ModelError: such a scale elsewhere.
    """
    tensors, ops = list(graph.tensors), list(graph.ops)
    for position, op in enumerate(graph.ops):
        if not op.traits.has_weights or len(op.inputs) < 2 or op.inputs[1] < 0:
            continue
        weights = graph.tensors[op.inputs[1]]
        if not _negative(weights).any() or weights.data is None:
            continue
        if graph.tensors[op.inputs[0]].dtype is DType.INT16:
            raise UnsupportedOp(
                f"{op.kind} {op.name!r}: int16 activations, and weights with a scale below zero, whose factors LiteRT "
                "rounds in another direction",
                "export it with positive scales",
            )
        turned = _turned(op, weights)
        inputs = [op.inputs[0], len(tensors)]
        tensors.append(turned)
        bias = graph.input_of(op, 2)
        if bias is not None:
            inputs.append(len(tensors))
            tensors.append(_turned_bias(op, bias, _negative(weights)))
        ops[position] = replace(op, inputs=tuple(inputs))
    used = {index for op in ops for index in (*op.inputs, *op.outputs) if index >= 0} | set(graph.inputs)
    left = next((index for index in sorted(used) if _negative(tensors[index]).any()), None)
    if left is not None and not _is_bias(ops, left):
        raise ModelError(f"tensor {tensors[left].name!r} has a scale below zero", "export it with positive scales")
    return replace(graph, tensors=tuple(tensors), ops=tuple(ops)) if len(tensors) > len(graph.tensors) else graph


def _negative(tensor: Tensor) -> np.ndarray:
    return np.array(tensor.qparams.scale if tensor.qparams else ()) < 0


def _is_bias(ops: list[Op], tensor: int) -> bool:
    """Whether no op reads it but as a bias, whose own scale nothing depends on."""
    readers = [op for op in ops if tensor in op.inputs or tensor in op.outputs]
    return all(op.traits.has_weights and op.inputs.index(tensor) == 2 for op in readers if tensor in op.inputs)


def _turned(op: Op, weights: Tensor) -> Tensor:
    assert weights.data is not None and weights.qparams is not None
    axis = weights.qparams.axis
    negative = _negative(weights)
    along = [len(negative) if axis == index else 1 for index in range(weights.data.ndim)]
    turns = np.broadcast_to(negative.reshape(along), weights.data.shape)
    if (weights.data[turns] == _LOWEST.get(weights.dtype)).any():
        raise UnsupportedOp(
            f"{op.kind} {op.name!r}: weights of {_LOWEST[weights.dtype]} with a scale below zero",
            "export the model with weights in the symmetric range",
        )
    zeros = tuple(-zero if turn else zero for zero, turn in zip(weights.qparams.zero_point, negative, strict=True))
    data = np.where(turns, -weights.data, weights.data).astype(weights.data.dtype)
    return replace(weights, data=data, qparams=QParams(tuple(map(abs, weights.qparams.scale)), zeros, axis))


def _turned_bias(op: Op, bias: Tensor, negative: np.ndarray) -> Tensor:
    if bias.data is None or bias.element_count % len(negative):
        raise UnsupportedOp(f"{op.kind} {op.name!r}: a bias that is computed, with weight scales below zero")
    turns = np.broadcast_to(negative, bias.element_count).reshape(bias.data.shape)
    # int32's least value has no opposite there; sums wrap around, and so does it
    return replace(bias, data=np.where(turns, -bias.data, bias.data).astype(bias.data.dtype), qparams=None)
