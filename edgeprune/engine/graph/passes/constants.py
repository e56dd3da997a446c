"""Operators that only move constants about are carried out once, here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgeprune.engine.graph.edit import edited, same_values
from edgeprune.engine.tflite.flatfile import BROKEN_HINT
from edgeprune.errors import ModelError
from edgeprune.ir import (
    Activation,
    AxisAttrs,
    GatherAttrs,
    Graph,
    Op,
    OpKind,
    SliceAttrs,
    StridedSliceAttrs,
    Tensor,
    TransposeAttrs,
    attrs_of,
)

_MOVES = frozenset((
    OpKind.STRIDED_SLICE, OpKind.SLICE, OpKind.TRANSPOSE, OpKind.GATHER, OpKind.TILE, OpKind.BROADCAST_TO,
))  # fmt: skip


def run(graph: Graph) -> Graph:
    dropped: list[int] = []
    made: dict[int, Tensor] = {}
    for index, op in enumerate(graph.ops):
        inputs = [made.get(tensor, graph.tensors[tensor]) for tensor in op.inputs if tensor >= 0]
        if not _only_moves(op) or not all(tensor.is_constant for tensor in inputs):
            continue
        moved = op.inputs if op.traits.is_join else op.inputs[:1]
        if set(op.outputs) & set(graph.outputs) or any(
            not same_values(graph, tensor, output) for tensor in moved for output in op.outputs
        ):
            continue
        known = all(tensor.data is not None for tensor in inputs)
        values = [tensor.data for tensor in inputs if tensor.data is not None]
        outputs = [graph.tensors[output] for output in op.outputs]
        results = _fitting(op, values, outputs) if known else [None] * len(outputs)
        for place, output, data in zip(op.outputs, outputs, results, strict=True):
            made[place] = replace(output, data=data, is_constant=True)
        dropped.append(index)
    return edited(graph, dropped, tensors=made)


def _only_moves(op: Op) -> bool:
    if op.activation is not Activation.NONE:
        return False
    return op.traits.is_reshape or op.traits.is_join or op.traits.is_split or op.kind in _MOVES


def _fitting(op: Op, values: Sequence[np.ndarray], outputs: Sequence[Tensor]) -> list[np.ndarray]:
    """The operator's outputs. Raises ModelError where they have not the shapes that the file states."""
    try:
        found = _moved(op, values, outputs)
    except (ValueError, IndexError, ZeroDivisionError):  # of axes, sizes and places that the constants do not have
        found = []
    if [data.shape for data in found] != [output.shape for output in outputs]:
        shapes = ", ".join(str(value.shape) for value in values)
        stated = ", ".join(str(output.shape) for output in outputs)
        raise ModelError(f"{op.kind} '{op.name}': constants of {shapes} into {stated}", hint=BROKEN_HINT)
    return found


def _moved(op: Op, values: Sequence[np.ndarray], outputs: Sequence[Tensor]) -> list[np.ndarray]:
    data, shape = values[0], outputs[0].shape
    if op.kind is OpKind.UNPACK:
        return [part.reshape(shape) for part in np.split(data, len(outputs), attrs_of(op, AxisAttrs).axis)]
    if op.traits.is_split:
        axis = attrs_of(op, AxisAttrs).axis
        ends = np.cumsum([output.shape[axis] for output in outputs])
        return np.split(data, ends[:-1], axis) if ends[-1] == data.shape[axis] else []
    return [_moved_one(op, values, shape)]


def _moved_one(op: Op, values: Sequence[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    data = values[0]
    if op.kind is OpKind.STRIDED_SLICE:
        cut = attrs_of(op, StridedSliceAttrs)
        places = [range(*ends) for ends in zip(cut.begin, cut.end, cut.strides, strict=True)]
        return data[np.ix_(*places)].reshape(shape)
    if op.kind is OpKind.SLICE:
        part = attrs_of(op, SliceAttrs)
        return data[tuple(slice(begin, begin + size) for begin, size in zip(part.begin, part.size, strict=True))]
    if op.kind is OpKind.TRANSPOSE:
        return data.transpose(attrs_of(op, TransposeAttrs).permutation)
    if op.kind is OpKind.GATHER:
        return _gathered(data, values[1], attrs_of(op, GatherAttrs))
    if op.kind is OpKind.TILE:
        return np.tile(data, [whole // size for whole, size in zip(shape, data.shape, strict=True)])
    if op.kind is OpKind.BROADCAST_TO:
        return np.broadcast_to(data, shape)
    if op.kind is OpKind.CONCATENATION:
        return np.concatenate(values, attrs_of(op, AxisAttrs).axis)
    if op.kind is OpKind.PACK:
        return np.stack(values, attrs_of(op, AxisAttrs).axis)
    return data.reshape(shape)


def _gathered(data: np.ndarray, indices: np.ndarray, attrs: GatherAttrs) -> np.ndarray:
    if indices.min(initial=0) < 0:
        raise IndexError("counted from the end, which GATHER does not")
    shared, axis = data.shape[: attrs.batch_dims], attrs.axis - attrs.batch_dims
    rows = [np.take(data[batch], indices[batch], axis=axis) for batch in np.ndindex(shared)]
    return np.reshape(rows, (*shared, *rows[0].shape))
