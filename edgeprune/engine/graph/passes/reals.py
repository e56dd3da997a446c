"""DEQUANTIZE of a constant is a constant: weights that converters store as float16, or tables as stored numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.engine.graph.edit import edited
from edgeprune.ir import DType, Graph, OpKind, Tensor

_STORED = (DType.INT4, DType.INT8, DType.UINT8, DType.INT16)


def run(graph: Graph) -> Graph:
    dropped, made = list[int](), dict[int, Tensor]()
    for index, op in enumerate(graph.ops):
        stored, output = graph.input_of(op, 0), graph.output_of(op)
        if op.kind is not OpKind.DEQUANTIZE or stored is None or not stored.is_constant:
            continue
        if op.outputs[0] in graph.outputs or output.dtype is not DType.FLOAT32 or stored.shape != output.shape:
            continue
        if stored.dtype in _STORED and stored.qparams is not None:
            data = None if stored.data is None else _real(stored, stored.data)
        elif stored.dtype is DType.FLOAT16:
            data = None if stored.data is None else stored.data.astype(np.float32)
        else:
            continue
        made[op.outputs[0]] = replace(output, data=data, is_constant=True)
        dropped.append(index)
    return edited(graph, dropped, tensors=made)


def _real(stored: Tensor, data: np.ndarray) -> np.ndarray:
    """As LiteRT has it: the product in float64, rounded once."""
    assert stored.qparams is not None
    along = [1] * data.ndim
    if stored.qparams.axis is not None:
        along[stored.qparams.axis] = -1
    scale, zero_point = stored.qparams.scale, stored.qparams.zero_point
    if stored.qparams.axis is None:
        scale, zero_point = scale[:1], zero_point[:1]
    steps = data.astype(np.int64) - np.reshape(zero_point, along)
    real: np.ndarray = (np.reshape(scale, along) * steps).astype(np.float32).reshape(data.shape)
    return real
