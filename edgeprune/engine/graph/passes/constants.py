"""Operators that only move constants about are carried out once, here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgeprune.engine.graph.edit import edited, same_values
from edgeprune.engine.tflite.flatfile import BROKEN_HINT
from edgeprune.errors import ModelError
from edgeprune.ir import Activation, AxisAttrs, Graph, Op, OpKind, StridedSliceAttrs, Tensor, TransposeAttrs, attrs_of

_CUTS = (OpKind.SPLIT, OpKind.UNPACK, OpKind.STRIDED_SLICE)


def run(graph: Graph) -> Graph:
    dropped: list[int] = []
    made: dict[int, Tensor] = {}
    for index, op in enumerate(graph.ops):
        inputs = [made.get(tensor, graph.tensors[tensor]) for tensor in op.inputs if tensor >= 0]
        if not _only_moves(op) or not all(tensor.is_constant for tensor in inputs):
            continue
        if set(op.outputs) & set(graph.outputs) or any(
            not same_values(graph, tensor, output) for tensor in op.inputs for output in op.outputs
        ):
            continue
        known = all(tensor.data is not None for tensor in inputs)
        values = [tensor.data for tensor in inputs if tensor.data is not None]
        for position, output in enumerate(op.outputs):
            data = _fitting(op, values, position, graph.tensors[output]) if known else None
            made[output] = replace(graph.tensors[output], data=data, is_constant=True)
        dropped.append(index)
    return edited(graph, dropped, tensors=made)


def _only_moves(op: Op) -> bool:
    if op.activation is not Activation.NONE:
        return False
    return op.traits.is_reshape or op.traits.is_join or op.kind in _CUTS or op.kind is OpKind.TRANSPOSE


def _fitting(op: Op, values: Sequence[np.ndarray], position: int, output: Tensor) -> np.ndarray:
    """Output `position` of the operator. Raises ModelError where it has not the shape that the file states."""
    try:
        found = _moved(op, values, position, output)
    except (ValueError, IndexError):  # NumPy's, of axes and sizes that the constants do not have
        found = None
    if found is None or found.shape != output.shape:
        shapes = ", ".join(str(value.shape) for value in values)
        raise ModelError(f"{op.kind} '{op.name}': constants of {shapes} into {output.shape}", hint=BROKEN_HINT)
    return found


def _moved(op: Op, values: Sequence[np.ndarray], position: int, output: Tensor) -> np.ndarray:
    if op.kind in (OpKind.SPLIT, OpKind.UNPACK):
        parts = np.split(values[0], len(op.outputs), attrs_of(op, AxisAttrs).axis)
        return parts[position].reshape(output.shape)
    if op.kind is OpKind.STRIDED_SLICE:
        attrs = attrs_of(op, StridedSliceAttrs)
        places = [range(*ends) for ends in zip(attrs.begin, attrs.end, attrs.strides, strict=True)]
        return values[0][np.ix_(*places)].reshape(output.shape)
    if op.kind is OpKind.TRANSPOSE:
        return values[0].transpose(attrs_of(op, TransposeAttrs).permutation)
    if op.kind is OpKind.CONCATENATION:
        return np.concatenate(values, attrs_of(op, AxisAttrs).axis)
    if op.kind is OpKind.PACK:
        return np.stack(values, attrs_of(op, AxisAttrs).axis)
    return values[0].reshape(output.shape)
