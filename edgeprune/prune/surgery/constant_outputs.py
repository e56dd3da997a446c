"""The constant output of every channel when it carries no signal.

Each layer with weights is taken to have zero input: its output is its bias, or behind a batch norm the norm's bias (the
channel is held at its mean). From there constants propagate through activations, additions, pools and concatenations to
the next layer with weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from edgeprune.ir import (
    Activation,
    BatchMatmulAttrs,
    ConcatenationAttrs,
    FunctionAttrs,
    LeakyReluAttrs,
    Op,
    OpKind,
    PadAttrs,
    ReduceAttrs,
    SliceAttrs,
    StridedSliceAttrs,
    TransposeAttrs,
    attrs_of,
    value_of,
)
from edgeprune.model.fold import Fold, FoldKind
from edgeprune.model.trace import TracedModel, own_bias

Floats = NDArray[np.float64]
Pads = Sequence[tuple[int, int]]  # before and behind, for each axis
Unary = Callable[[Floats], Floats]

_ACTIVATIONS: Mapping[Activation, Unary] = {
    Activation.NONE: lambda x: x,
    Activation.RELU: lambda x: np.maximum(x, 0.0),
    Activation.RELU6: lambda x: np.clip(x, 0.0, 6.0),
    Activation.RELU_N1_TO_1: lambda x: np.clip(x, -1.0, 1.0),
}
_UNARY: Mapping[OpKind, Unary] = {
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
         OpKind.MIRROR_PAD, OpKind.GATHER),
        lambda x: x,
    ),
}  # fmt: skip
_BINARY: Mapping[OpKind, Callable[[Floats, Floats], Floats]] = {
    OpKind.ADD: np.add, OpKind.SUB: np.subtract, OpKind.MUL: np.multiply, OpKind.MAXIMUM: np.maximum,
    OpKind.MINIMUM: np.minimum, OpKind.PRELU: lambda x, slope: np.where(x > 0, x, slope * x),
}  # fmt: skip
_REDUCTIONS: Mapping[OpKind, Callable[..., Floats]] = {
    OpKind.MEAN: np.mean, OpKind.SUM: np.sum, OpKind.REDUCE_MAX: np.max
}  # fmt: skip


def constant_outputs(traced: TracedModel, values: Mapping[str, Floats]) -> dict[int, Floats]:
    """For every activation the constant of each channel, in an array that broadcasts to the tensor's shape.

    Args:
        traced: the network.
        values: all its parameters and buffers by name, float64.
    """
    graph = traced.graph
    constants: dict[int, Floats] = {tensor: _zeros(graph.tensors[tensor].shape) for tensor in graph.inputs}
    for op in graph.ops:
        folds = traced.folds.get(op.name, ())
        if op.traits.has_weights:
            channels = graph.tensors[op.inputs[2]].shape[0]
            shape = (*(1,) * (len(graph.output_of(op).shape) - 1), channels)
            own = own_bias(traced, op)
            start = np.zeros(shape) if own is None else values[own].reshape(shape)
            result = _folded(start, folds, values)
        elif folds:
            result = _folded(np.zeros(graph.tensors[op.inputs[1]].shape), folds, values)
        else:
            result = _output_of(traced, op, values, constants)
        constants.update(dict.fromkeys(op.outputs, _ACTIVATIONS[op.activation](result)))
    return constants


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


def _output_of(traced: TracedModel, op: Op, values: Mapping[str, Floats], constants: Mapping[int, Floats]) -> Floats:
    graph = traced.graph
    shape, first, attrs = graph.output_of(op).shape, graph.tensors[op.inputs[0]].shape, op.attrs
    if op.kind in _BINARY:
        return _BINARY[op.kind](*(_operand(traced, tensor, values, constants) for tensor in op.inputs))
    source = _operand(traced, op.inputs[0], values, constants)
    if op.traits.standalone_activation is not None:
        return _ACTIVATIONS[op.traits.standalone_activation](source)
    if op.kind in _UNARY:
        return _fitted(_UNARY[op.kind](source), shape)
    if isinstance(attrs, LeakyReluAttrs):
        return np.where(source > 0, source, attrs.alpha * source)
    if isinstance(attrs, FunctionAttrs):
        return np.nan_to_num(value_of(attrs.term, source), posinf=0.0, neginf=0.0)
    if isinstance(attrs, ConcatenationAttrs):
        held = [_operand(traced, t, values, constants) for t in op.inputs]
        parts = [_spread(one, attrs.axis, graph.tensors[t].shape) for one, t in zip(held, op.inputs, strict=True)]
        common = np.broadcast_shapes(*(np.delete(part.shape, attrs.axis) for part in parts))
        whole = [(*common[: attrs.axis], part.shape[attrs.axis], *common[attrs.axis :]) for part in parts]
        return np.concatenate([np.broadcast_to(*pair) for pair in zip(parts, whole, strict=True)], attrs.axis)
    if isinstance(attrs, TransposeAttrs):
        return source.transpose(attrs.permutation)
    if op.kind is OpKind.RESHAPE:
        return compressed(np.broadcast_to(source, first).reshape(shape))
    if isinstance(attrs, ReduceAttrs):
        axes = attrs.axes
        spread = np.broadcast_to(source, tuple(first[k] if k in axes else n for k, n in enumerate(source.shape)))
        return np.asarray(_REDUCTIONS[op.kind](spread, axis=axes, keepdims=attrs.keep_dims))
    if isinstance(attrs, SliceAttrs | StridedSliceAttrs):
        taken = tuple(
            slice(None) if source.shape[k] == 1 else slice(begin, begin + (n - 1) * step + 1, step)
            for k, (begin, n, step) in enumerate(zip(attrs.begin, shape, attrs.strides, strict=True))
        )
        return source[taken]
    if isinstance(attrs, BatchMatmulAttrs) and not attrs.adj_x and _weighs(traced, op.inputs[0]):
        return _of_columns(constants, op)
    if isinstance(attrs, PadAttrs):  # mirrored borders are among the unary ones
        return _padded(source, attrs.padding, first, shape)
    return _zeros(shape)  # softmax, products of activations: their channels never shrink


def _weighs(traced: TracedModel, tensor: int) -> bool:
    """Whether it holds the rows of a softmax, which sum to one: a mean of constants is that constant."""
    graph = traced.graph
    while (maker := graph.producer.get(tensor)) is not None and graph.ops[maker].traits.is_reshape:
        tensor = graph.ops[maker].inputs[0]
    return maker is not None and graph.ops[maker].kind is OpKind.SOFTMAX


def _of_columns(constants: Mapping[int, Floats], op: Op) -> Floats:
    """Of input 1 the mean over what is summed over."""
    columns = constants.get(op.inputs[1])
    if columns is None:
        return np.zeros((1,) * 2)
    summed = columns.swapaxes(-1, -2) if attrs_of(op, BatchMatmulAttrs).adj_y else columns
    return np.asarray(summed.mean(axis=-2, keepdims=True))


def _padded(source: Floats, padding: Pads, shape: tuple[int, ...], padded_shape: tuple[int, ...]) -> Floats:
    """Zeros around the constants; along an axis on which they do not change, their mean over the padded positions.

    n positions that hold c become m of which n still do: sum_i (x_i - k)^2 over the m is least at their mean,
    k = c * n / m, so no other constant is nearer to the padded tensor.
    """
    share = np.prod([n / m for n, m, own in zip(shape, padded_shape, source.shape, strict=True) if own == 1])
    widths = [(0, 0) if n == 1 else pads for n, pads in zip(source.shape, padding, strict=True)]
    return np.pad(source * share, widths)


def _operand(traced: TracedModel, tensor: int, values: Mapping[str, Floats], constants: Mapping[int, Floats]) -> Floats:
    held = traced.graph.tensors[tensor]
    if tensor in constants:
        return constants[tensor]
    if held.data is not None:
        return held.data.astype(np.float64)
    known = tensor not in traced.computed and len(traced.slices[tensor]) == 1
    return arranged(traced, tensor, values) if known else _zeros(held.shape)


def _spread(array: Floats, axis: int, shape: tuple[int, ...]) -> Floats:
    """The array at full length along one axis."""
    return np.broadcast_to(array, tuple(shape[k] if k == axis else n for k, n in enumerate(array.shape)))


def _fitted(array: Floats, shape: tuple[int, ...]) -> Floats:
    """The mean along axes that vary and have another length now: of windows, places."""
    changed = tuple(k for k, n in enumerate(array.shape) if n not in (1, shape[k]))
    return np.asarray(array.mean(axis=changed, keepdims=True)) if changed else array


def compressed(array: Floats) -> Floats:
    """The array with every axis along which it does not change cut to length 1."""
    for axis in range(array.ndim):
        first = array.take([0], axis)
        if np.array_equal(np.broadcast_to(first, array.shape), array):
            array = first
    return array


def _zeros(shape: tuple[int, ...]) -> Floats:
    return np.zeros((1,) * len(shape))
