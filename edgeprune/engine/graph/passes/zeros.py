"""What multiplies zeros alone is a constant: first steps of unrolled recurrent layers, whose states are zeros."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.engine.graph.edit import edited
from edgeprune.ir import DType, Graph, Op, OpKind, QParams, Tensor
from edgeprune.ir.broadcast import broadcast_shape

_LEAST_SCALE = 1e-12  # below it factors leave float32; zeros are zeros at any scale
_NUMPY = {DType.INT8: np.int8, DType.INT16: np.int16}


def run(graph: Graph) -> Graph:
    dropped, made = list[int](), dict[int, Tensor]()
    for index, op in enumerate(graph.ops):
        output = graph.output_of(op)
        if not _multiplies_zeros(graph, op) or op.outputs[0] in graph.outputs or not _is_single(output):
            continue
        assert output.qparams is not None
        data = np.full(output.shape, output.qparams.zero_point[0], _NUMPY[output.dtype])
        made[op.outputs[0]] = replace(output, data=data, is_constant=True)
        dropped.append(index)
    for index, tensor in enumerate(graph.tensors):
        if _is_zero(tensor) and _reads_its_scale(graph, index) and tensor.qparams.scale[0] < _LEAST_SCALE:  # type: ignore[union-attr]
            made[index] = replace(tensor, qparams=QParams((_LEAST_SCALE,), tensor.qparams.zero_point))  # type: ignore[union-attr]
    return edited(graph, dropped, tensors=made)


def _multiplies_zeros(graph: Graph, op: Op) -> bool:
    given = [graph.tensors[index] for index in op.inputs if index >= 0]
    if op.kind is OpKind.MUL:
        return (
            any(_is_zero(tensor) for tensor in given)
            and broadcast_shape(*(one.shape for one in given)) == graph.output_of(op).shape
        )
    if not (op.traits.is_gemm or op.kind is OpKind.DEPTHWISE_CONV_2D) or not _is_zero(given[0]):
        return False
    return all(bias.data is not None and not bias.data.any() for bias in given[2:])


def _is_single(tensor: Tensor) -> bool:
    """Whether a tensor of stored numbers has one scale."""
    return tensor.dtype in _NUMPY and tensor.qparams is not None and len(tensor.qparams.scale) == 1


def _is_zero(tensor: Tensor) -> bool:
    if not _is_single(tensor) or tensor.data is None:
        return False
    assert tensor.qparams is not None
    return bool((tensor.data == tensor.qparams.zero_point[0]).all())


def _reads_its_scale(graph: Graph, index: int) -> bool:
    """Whether none of its readers only moves it, who would have its scale."""
    readers = [graph.ops[reader] for reader in graph.consumers.get(index, ())]
    return bool(readers) and not any(op.traits.keeps_scale for op in readers)
