"""What each operator kind does to channel labels. One small function per family; `RULES` is the table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.ir import (
    AxisAttrs,
    ConcatenationAttrs,
    Op,
    OpKind,
    PadAttrs,
    ReduceAttrs,
    SliceAttrs,
    TransposeAttrs,
    attrs_of,
)
from edgeprune.prune.coupling.labels import FIXED, Labels, Reading, Tracker, varying
from edgeprune.prune.coupling.products import product, table

Rule = Callable[[Tracker, Op], None]


def convolution(tracker: Tracker, op: Op) -> None:
    """Groups stay as many as they are; each loses the same positions, so those are coupled."""
    outputs, per_group = tracker.tensor(op, 1).shape[0], tracker.tensor(op, 1).shape[3]
    inputs = tracker.channels(op, 0, 3)
    groups = inputs.size // per_group
    rows = inputs.reshape(groups, per_group)
    if groups > 1:
        tracker.tie(rows[1:], rows[:1])
    tracker.bind(op, 1, 3, rows[0])
    _outputs(tracker, op, np.tile(tracker.new(outputs // groups), groups), 0)


def depthwise(tracker: Tracker, op: Op) -> None:
    inputs, outputs = tracker.channels(op, 0, 3), tracker.tensor(op, 1).shape[3]
    made = tracker.new(outputs) if inputs.size == 1 else np.repeat(inputs, outputs // inputs.size)
    _outputs(tracker, op, made, 3)


def dense(tracker: Tracker, op: Op) -> None:
    tracker.bind(op, 1, 1, tracker.channels(op, 0, -1))
    _outputs(tracker, op, tracker.new(tracker.tensor(op, 1).shape[0]), 0)


def _outputs(tracker: Tracker, op: Op, made: Labels, weight_axis: int) -> None:
    tracker.bind(op, 1, weight_axis, made)
    tracker.bind(op, 2, 0, made)
    rank = len(tracker.traced.graph.output_of(op).shape)
    tracker.set(op, made.reshape((1,) * (rank - 1) + (-1,)))


def same(tracker: Tracker, op: Op) -> None:
    tracker.set(op, tracker.of(op))


def binary(tracker: Tracker, op: Op) -> None:
    variable = [k for k in range(2) if not tracker.is_constant(op, k)]
    labels = tracker.of(op, variable[0])
    if len(variable) == 2:
        labels = _merged(tracker, op)
    else:
        constant = 1 - variable[0]
        shape = tracker.tensor(op, constant).shape
        for axis in varying(labels):
            if len(shape) == labels.ndim and shape[axis] > 1:
                lines = np.moveaxis(labels, axis, -1).reshape(-1, labels.shape[axis])
                tracker.tie(lines[1:], lines[:1])  # one value for all of them: heads that share a rotation
                tracker.bind_all(op, constant, axis, lines[0])
    tracker.set(op, labels)


def _merged(tracker: Tracker, op: Op) -> Labels:
    """Labels of two activations combined: equal where both have the axis, taken over where one is broadcast."""
    both = [tracker.of(op, 0), tracker.of(op, 1)]
    shapes = [tracker.tensor(op, 0).shape, tracker.tensor(op, 1).shape]
    axes = sorted({*varying(both[0]), *varying(both[1])})
    if len(axes) > 1:
        tracker.freeze(op, "its two inputs have their channels along different axes", np.append(both[0], both[1]))
        return np.full((1,) * both[0].ndim, FIXED, np.int32)
    for axis in axes:
        if shapes[0][axis] == shapes[1][axis]:
            tracker.tie(both[0], both[1])
    return both[0] if varying(both[0]) else both[1]


def softmax(tracker: Tracker, op: Op) -> None:
    if tracker.of(op).shape[-1] != 1:
        tracker.freeze(op, "softmax over channels", tracker.of(op))
    same(tracker, op)


def reduction(tracker: Tracker, op: Op) -> None:
    labels, attrs = tracker.of(op), attrs_of(op, ReduceAttrs)
    if set(varying(labels)).intersection(attrs.axes):
        tracker.freeze(op, f"{op.kind} over channels", labels)
        labels = np.full((1,) * labels.ndim, FIXED, np.int32)
    tracker.set(op, labels if attrs.keep_dims else labels.squeeze(axis=attrs.axes))


def window(tracker: Tracker, op: Op) -> None:
    """Pooling and resizing mix places of an image; channels that were moved there (pixel shuffle) are left whole."""
    if set(varying(tracker.of(op))) - {tracker.of(op).ndim - 1}:
        _left_whole(tracker, op, f"{op.kind} over places that hold channels")
    else:
        same(tracker, op)


def mirror_pad(tracker: Tracker, op: Op) -> None:
    padding = attrs_of(op, PadAttrs).padding
    if any(any(padding[axis]) for axis in varying(tracker.of(op))):
        _left_whole(tracker, op, "channels mirrored at a border")
    else:
        same(tracker, op)


def _left_whole(tracker: Tracker, op: Op, reason: str) -> None:
    labels = tracker.of(op)
    tracker.freeze(op, reason, labels)
    tracker.set(op, np.full((1,) * labels.ndim, FIXED, np.int32))


def pad(tracker: Tracker, op: Op) -> None:
    labels, padding = tracker.of(op), attrs_of(op, PadAttrs).padding
    axes = [axis for axis in varying(labels) if any(padding[axis])]
    widths = [padding[axis] if axis in axes else (0, 0) for axis in range(labels.ndim)]
    tracker.set(op, np.pad(labels, widths, constant_values=FIXED))


def transpose(tracker: Tracker, op: Op) -> None:
    tracker.set(op, tracker.of(op).transpose(attrs_of(op, TransposeAttrs).permutation))


def concatenation(tracker: Tracker, op: Op) -> None:
    axis = attrs_of(op, ConcatenationAttrs).axis
    parts = [_joined_labels(tracker, op, k, axis) for k in range(len(op.inputs))]
    if all(part.size == 1 and part.ravel()[0] == parts[0].ravel()[0] for part in parts):
        tracker.set(op, parts[0])
        return
    if all(set(varying(part)) <= {axis} for part in parts):
        pieces = [_along(tracker, op, k, axis) for k in range(len(parts))]
        shape = [1] * parts[0].ndim
        shape[axis] = -1
        tracker.set(op, np.concatenate(pieces).reshape(shape))
        return
    if any(axis in varying(part) or part.shape != parts[0].shape for part in parts):
        tracker.freeze(op, "channels joined along another axis", np.concatenate([part.ravel() for part in parts]))
        tracker.set(op, np.full((1,) * parts[0].ndim, FIXED, np.int32))
        return
    for part in parts[1:]:
        tracker.tie(parts[0], part)
    tracker.set(op, parts[0])


def _along(tracker: Tracker, op: Op, index: int, axis: int) -> Labels:
    """Labels along the axis that is joined; a constant there, as a first state of zeros, keeps its length."""
    if tracker.is_constant(op, index):
        return np.full(tracker.tensor(op, index).shape[axis], FIXED, np.int32)
    return tracker.channels(op, index, axis)


def _joined_labels(tracker: Tracker, op: Op, index: int, axis: int) -> Labels:
    """Of one input; a constant's run along the channels of the others, where those are not what is joined."""
    if not tracker.is_constant(op, index):
        return tracker.of(op, index)
    shape = tracker.tensor(op, index).shape
    others = [tracker.of(op, k) for k in range(len(op.inputs)) if not tracker.is_constant(op, k)]
    along = sorted({k for labels in others for k in varying(labels) if k != axis and shape[k] > 1})
    if len(along) != 1:
        return np.full((1,) * len(shape), FIXED, np.int32)
    made = tracker.new(shape[along[0]])
    tracker.bind_all(op, index, along[0], made)
    return made.reshape([-1 if k == along[0] else 1 for k in range(len(shape))])


def slice_(tracker: Tracker, op: Op) -> None:
    """A piece of the channels: one of n equal parts, so that positions of all parts go together."""
    labels, shape, attrs = tracker.of(op), tracker.tensor(op, 0).shape, attrs_of(op, SliceAttrs)
    cut = [axis for axis in varying(labels) if attrs.size[axis] != shape[axis]]
    if not cut:
        same(tracker, op)
        return
    axis, reading = cut[0], tracker.reading(op)
    begin, length = attrs.begin[axis], attrs.size[axis]
    flat = labels.ravel()
    if reading is Reading.FROZEN or shape[axis] % length or begin % length:
        tracker.freeze(op, "the code fixes which channels it takes", flat)
    else:
        rows = flat.reshape(-1, length)
        tracker.tie(rows[1:], rows[:1])
    tracker.begins[op.name] = (axis, flat[:begin])
    kept = [slice(None)] * labels.ndim
    kept[axis] = slice(begin, begin + length)
    tracker.set(op, labels[tuple(kept)])


def strided_slice(tracker: Tracker, op: Op) -> None:
    shape, output = tracker.tensor(op, 0).shape, tracker.traced.graph.output_of(op)
    if any(output.shape[axis] != shape[axis] for axis in varying(tracker.of(op))):
        _left_whole(tracker, op, "channels are taken with a stride")
    else:
        same(tracker, op)


def gather(tracker: Tracker, op: Op) -> None:
    """Places along an axis stand in the code."""
    if attrs_of(op, AxisAttrs).axis in varying(tracker.of(op)):
        _left_whole(tracker, op, "the code fixes which channels it takes")
    else:
        same(tracker, op)


def reshape(tracker: Tracker, op: Op) -> None:
    """Labels go where the elements go. Split over several axes, only one of those may shrink."""
    labels, shape = tracker.of(op), tracker.tensor(op, 0).shape
    target = tracker.traced.graph.output_of(op).shape
    if not varying(labels):
        tracker.set(op, np.full((1,) * len(target), labels.ravel()[0], np.int32))
        return
    reading = tracker.reading(op)
    moved = np.broadcast_to(labels, shape).reshape(target)
    for axis in range(len(target)):
        first = moved.take([0], axis)
        if np.array_equal(np.broadcast_to(first, moved.shape), moved):
            moved = first
    axes = varying(moved)
    if reading is Reading.FROZEN:
        tracker.freeze(op, "the code fixes how many channels come out", labels)
    elif len(axes) > 1:
        tracker.ambiguous.append(op.name)
        kept = axes[-1] if reading is Reading.OUTER_FIXED else axes[0]
        for axis in axes:
            if axis != kept:
                first = moved.take([0], axis)
                tracker.tie(moved, first)
                moved = first
    tracker.set(op, moved)


RULES: dict[OpKind, Rule] = {
    OpKind.CONV_2D: convolution,
    OpKind.TRANSPOSE_CONV: convolution,
    OpKind.DEPTHWISE_CONV_2D: depthwise,
    OpKind.FULLY_CONNECTED: dense,
    **dict.fromkeys((OpKind.ADD, OpKind.SUB, OpKind.MUL, OpKind.MAXIMUM, OpKind.MINIMUM, OpKind.PRELU), binary),
    **dict.fromkeys((OpKind.MEAN, OpKind.SUM, OpKind.REDUCE_MAX), reduction),
    **dict.fromkeys((OpKind.PAD, OpKind.PADV2), pad),
    OpKind.MIRROR_PAD: mirror_pad,
    **dict.fromkeys((
        OpKind.AVERAGE_POOL_2D, OpKind.MAX_POOL_2D, OpKind.RESIZE_NEAREST_NEIGHBOR, OpKind.RESIZE_BILINEAR,
    ), window),
    **dict.fromkeys((
        OpKind.LOGISTIC, OpKind.TANH, OpKind.RELU, OpKind.RELU6, OpKind.RELU_N1_TO_1, OpKind.LEAKY_RELU,
        OpKind.HARD_SWISH, OpKind.ELU, OpKind.GELU, OpKind.ABS, OpKind.SQRT, OpKind.RSQRT,
        OpKind.FUNCTION,
    ), same),
    OpKind.SOFTMAX: softmax,
    OpKind.TRANSPOSE: transpose,
    OpKind.CONCATENATION: concatenation,
    OpKind.SLICE: slice_,
    OpKind.STRIDED_SLICE: strided_slice,
    OpKind.GATHER: gather,
    OpKind.RESHAPE: reshape,
    OpKind.BATCH_MATMUL: product,
    OpKind.TABLE: table,
}  # fmt: skip
