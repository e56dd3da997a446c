"""What every channel says when it carries no signal.

Each layer with weights is taken to receive nothing: its output is its bias, or behind a batch norm the norm's bias (the
channel is held at its mean). From there constants run through activations, additions, pools and joints to the next
layer with weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from edgeprune.ir import Activation, Op, OpKind
from edgeprune.model.draft import Fold, FoldKind
from edgeprune.model.trace import TracedModel, own_bias

Floats = NDArray[np.float64]
Unary = Callable[[Floats], Floats]

_FUSED: Mapping[Activation, Unary] = {
    Activation.NONE: lambda x: x,
    Activation.RELU: lambda x: np.maximum(x, 0.0),
    Activation.RELU6: lambda x: np.clip(x, 0.0, 6.0),
    Activation.RELU_N1_TO_1: lambda x: np.clip(x, -1.0, 1.0),
}
_UNARY: Mapping[OpKind, Unary] = {
    OpKind.RELU: _FUSED[Activation.RELU],
    OpKind.RELU6: _FUSED[Activation.RELU6],
    OpKind.RELU_N1_TO_1: _FUSED[Activation.RELU_N1_TO_1],
    OpKind.LOGISTIC: lambda x: 1.0 / (1.0 + np.exp(-x)),
    OpKind.TANH: np.tanh,
    OpKind.HARD_SWISH: lambda x: x * np.clip(x + 3.0, 0.0, 6.0) / 6.0,
    OpKind.ELU: lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0.0))),
    OpKind.GELU: lambda x: 0.5 * x * (1.0 + erf(x / np.sqrt(2.0))),
    OpKind.ABS: np.abs,
    OpKind.SQRT: lambda x: np.sqrt(np.maximum(x, 0.0)),
    OpKind.RSQRT: lambda x: 1.0 / np.sqrt(np.maximum(x, 1e-12)),
    **dict.fromkeys(
        (OpKind.MAX_POOL_2D, OpKind.AVERAGE_POOL_2D, OpKind.RESIZE_NEAREST_NEIGHBOR, OpKind.RESIZE_BILINEAR,
         OpKind.MIRROR_PAD),
        lambda x: x,
    ),
}  # fmt: skip
_BINARY: Mapping[OpKind, Callable[[Floats, Floats], Floats]] = {
    OpKind.ADD: np.add, OpKind.SUB: np.subtract, OpKind.MUL: np.multiply, OpKind.MAXIMUM: np.maximum,
    OpKind.MINIMUM: np.minimum,
}  # fmt: skip
_REDUCTIONS: Mapping[OpKind, Callable[..., Floats]] = {
    OpKind.MEAN: np.mean, OpKind.SUM: np.sum, OpKind.REDUCE_MAX: np.max
}  # fmt: skip
_WEIGHTED = (OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D, OpKind.TRANSPOSE_CONV, OpKind.FULLY_CONNECTED)


def emissions(traced: TracedModel, values: Mapping[str, Floats]) -> dict[int, Floats]:
    """For every activation the constant of each channel, in an array that broadcasts to the tensor's shape.

    Args:
        traced: the network.
        values: all its parameters and buffers by name, float64.
    """
    graph = traced.graph
    said: dict[int, Floats] = {tensor: _zeros(graph.tensors[tensor].shape) for tensor in graph.inputs}
    for op in graph.ops:
        folds = traced.folds.get(op.name, ())
        if op.kind in _WEIGHTED:
            channels = graph.tensors[op.inputs[2]].shape[0]
            shape = (*(1,) * (len(graph.output_of(op).shape) - 1), channels)
            own = own_bias(traced, op)
            start = np.zeros(shape) if own is None else values[own].reshape(shape)
            result = _folded(start, folds, values)
        elif folds:
            result = _folded(np.zeros(graph.tensors[op.inputs[1]].shape), folds, values)
        else:
            result = _emitted(traced, op, values, said)
        activation = op.attrs.get("activation", Activation.NONE)
        said.update(dict.fromkeys(op.outputs, _FUSED[activation](result)))
    return said


def arranged(traced: TracedModel, tensor: int, values: Mapping[str, Floats]) -> Floats:
    """A constant's first parameter in the shape of the graph's tensor."""
    piece = traced.slices[tensor][0]
    order = [axis for axis in piece.axes if axis is not None]
    value = values[piece.name]
    rest = [axis for axis in range(value.ndim) if axis not in order]
    return value.transpose(order + rest).reshape(traced.graph.tensors[tensor].shape)


def _folded(start: Floats, folds: tuple[Fold, ...], values: Mapping[str, Floats]) -> Floats:
    for fold in folds:
        given = {role: values[name].reshape(start.shape) for role, name in fold.parameters.items()}
        if fold.kind is FoldKind.BATCH_NORM:
            start = given.get("bias", np.zeros_like(start))
        elif fold.kind is FoldKind.SCALE:
            start = start * given.get("factor", 1.0)
        else:
            start = start + given.get("term", 0.0)
    return start


def _emitted(traced: TracedModel, op: Op, values: Mapping[str, Floats], said: Mapping[int, Floats]) -> Floats:
    graph = traced.graph
    shape, first = graph.output_of(op).shape, graph.tensors[op.inputs[0]].shape
    if op.kind in _BINARY:
        return _BINARY[op.kind](*(_operand(traced, tensor, values, said) for tensor in op.inputs))
    heard = said[op.inputs[0]]
    if op.kind in _UNARY:
        return _UNARY[op.kind](heard)
    if op.kind is OpKind.LEAKY_RELU:
        return np.where(heard > 0, heard, op.attrs["alpha"] * heard)
    if op.kind is OpKind.CONCATENATION:
        axis = op.attrs["axis"]
        return np.concatenate([_spread(said[t], axis, graph.tensors[t].shape) for t in op.inputs], axis)
    if op.kind is OpKind.TRANSPOSE:
        return heard.transpose(op.attrs["permutation"])
    if op.kind is OpKind.RESHAPE:
        return compressed(np.broadcast_to(heard, first).reshape(shape))
    if op.kind in _REDUCTIONS:
        axes = op.attrs["axes"]
        spread = np.broadcast_to(heard, tuple(first[k] if k in axes else n for k, n in enumerate(heard.shape)))
        return np.asarray(_REDUCTIONS[op.kind](spread, axis=axes, keepdims=op.attrs["keep_dims"]))
    if op.kind in (OpKind.SLICE, OpKind.STRIDED_SLICE):
        strides = op.attrs.get("strides", (1,) * len(first))
        taken = tuple(
            slice(None) if heard.shape[k] == 1 else slice(begin, begin + (n - 1) * step + 1, step)
            for k, (begin, n, step) in enumerate(zip(op.attrs["begin"], shape, strides, strict=True))
        )
        return heard[taken]
    if op.kind in (OpKind.PAD, OpKind.PADV2):
        share = np.prod([n / m for n, m, own in zip(first, shape, heard.shape, strict=True) if own == 1])
        widths = [(0, 0) if n == 1 else pads for n, pads in zip(heard.shape, op.attrs["padding"], strict=True)]
        return np.pad(heard * share, widths)
    return _zeros(shape)  # softmax, products of activations: their channels never shrink


def _operand(traced: TracedModel, tensor: int, values: Mapping[str, Floats], said: Mapping[int, Floats]) -> Floats:
    held = traced.graph.tensors[tensor]
    if tensor in said:
        return said[tensor]
    if held.data is not None:
        return held.data.astype(np.float64)
    known = tensor not in traced.computed and len(traced.slices[tensor]) == 1
    return arranged(traced, tensor, values) if known else _zeros(held.shape)


def _spread(array: Floats, axis: int, shape: tuple[int, ...]) -> Floats:
    """The array at full length along one axis."""
    return np.broadcast_to(array, tuple(shape[k] if k == axis else n for k, n in enumerate(array.shape)))


def compressed(array: Floats) -> Floats:
    """The array with every axis along which it does not change cut to length 1."""
    for axis in range(array.ndim):
        first = array.take([0], axis)
        if np.array_equal(np.broadcast_to(first, array.shape), array):
            array = first
    return array


def _zeros(shape: tuple[int, ...]) -> Floats:
    return np.zeros((1,) * len(shape))
