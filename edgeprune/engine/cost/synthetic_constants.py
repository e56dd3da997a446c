"""Synthetic constants for a graph that has none yet, so that code can be generated and linked before anything is
trained.

The values are random, with the spread of trained ones, so that the kernels which prove bounds over a layer's weights
and requantization decide as they will for the trained ones.
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np

from edgeprune.ir import DType, Graph, Op, Tensor

_WEIGHT_SPREAD = 40.0
_BIAS_SPREAD = 800.0
_GAIN = 0.006  # output steps per accumulator step, times the root of the taps: fills int8 without much clipping


def with_synthetic_constants(graph: Graph) -> Graph:
    """The same graph with data in every constant that has none, and scales to suit. Always the same for one graph."""
    rng = np.random.default_rng(0)
    made: dict[int, Tensor] = {}
    for op in graph.ops:
        axis = op.traits.weight_output_axis
        if axis is not None and graph.tensors[op.inputs[1]].data is None:
            made[op.inputs[1]] = _weights(graph, op, axis, rng)
    for index, tensor in enumerate(graph.tensors):
        if tensor.is_constant and tensor.data is None and index not in made:
            made[index] = replace(tensor, data=_values(tensor, rng))
    return replace(graph, tensors=tuple(made.get(index, tensor) for index, tensor in enumerate(graph.tensors)))


def _weights(graph: Graph, op: Op, axis: int, rng: np.random.Generator) -> Tensor:
    weights, data, output = graph.tensors[op.inputs[1]], graph.tensors[op.inputs[0]], graph.output_of(op)
    channels = weights.shape[axis]
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
