"""Constants for a graph that has none yet, so that code can be generated and linked before anything is trained.

The values mean nothing. They have the spread of trained ones, so that the kernels which prove bounds over a layer's
weights and requantization come to the answer they will come to for the real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import sqrt

import numpy as np

from edgeprune.ir import DType, Graph, Op, OpKind, Tensor

_OUTPUT_AXIS: Mapping[OpKind, int] = {
    OpKind.CONV_2D: 0, OpKind.TRANSPOSE_CONV: 0, OpKind.FULLY_CONNECTED: 0, OpKind.DEPTHWISE_CONV_2D: 3,
}  # fmt: skip
_WEIGHT_SPREAD = 40.0
_BIAS_SPREAD = 800.0
_GAIN = 0.006  # output steps per accumulator step, times the root of the taps: fills int8 without much clipping


def with_made_up_constants(graph: Graph) -> Graph:
    """The same graph with data in every constant that has none, and scales to suit. Always the same for one graph."""
    rng = np.random.default_rng(0)
    made: dict[int, Tensor] = {}
    for op in graph.ops:
        if op.kind in _OUTPUT_AXIS and graph.tensors[op.inputs[1]].data is None:
            made[op.inputs[1]] = _weights(graph, op, rng)
    for index, tensor in enumerate(graph.tensors):
        if tensor.is_constant and tensor.data is None and index not in made:
            made[index] = replace(tensor, data=_values(tensor, rng))
    return replace(graph, tensors=tuple(made.get(index, tensor) for index, tensor in enumerate(graph.tensors)))


def _weights(graph: Graph, op: Op, rng: np.random.Generator) -> Tensor:
    weights, data, output = graph.tensors[op.inputs[1]], graph.tensors[op.inputs[0]], graph.output_of(op)
    channels = weights.shape[_OUTPUT_AXIS[op.kind]]
    taps = weights.element_count // channels
    ratio = output.qparams.scale[0] / data.qparams.scale[0] if output.qparams and data.qparams else 1.0
    qparams = weights.qparams
    if qparams is not None:
        scales = _GAIN / sqrt(taps) * ratio * rng.uniform(0.6, 1.4, len(qparams.scale))
        qparams = replace(qparams, scale=tuple(float(np.float32(scale)) for scale in scales))
    return replace(weights, data=_values(weights, rng), qparams=qparams)


def _values(tensor: Tensor, rng: np.random.Generator) -> np.ndarray:
    if tensor.dtype in (DType.FLOAT32, DType.BOOL):
        return np.ones(tensor.shape, np.dtype(str(tensor.dtype)))
    limit = {DType.INT4: 7, DType.INT8: 127, DType.UINT8: 127}.get(tensor.dtype, 1 << 14)
    spread = _WEIGHT_SPREAD * limit / 127 if limit <= 127 else _BIAS_SPREAD
    drawn = np.clip(np.round(rng.normal(0, spread, tensor.shape)), 0 if tensor.dtype is DType.UINT8 else -limit, limit)
    return drawn.astype(np.int8 if tensor.dtype is DType.INT4 else np.dtype(str(tensor.dtype)))
