"""Smaller weights under float activations, for runtimes that compute in floats: phones, single-board computers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.ir import DType, Graph, Op, OpKind, QParams
from edgeprune.quantize.weights import weight_scales

_LEAST_WEIGHTS = 1024  # smaller constants stay float: nothing is saved and precision is lost
_HYBRID = frozenset({OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D, OpKind.FULLY_CONNECTED})  # kernels of both types


def float16_weights(graph: Graph) -> Graph:
    """Weights stored as float16 and made float32 by a DEQUANTIZE before they are read, as TFLite's converter does.

    Args:
        graph: float32, every constant with data.
    """
    tensors, ops = list(graph.tensors), []
    widened: dict[int, int] = {}
    for op in graph.ops:
        if op.traits.has_weights and _is_large(graph, op):
            weight = op.inputs[1]
            if weight not in widened:
                held = graph.tensors[weight]
                assert held.data is not None
                tensors[weight] = replace(held, dtype=DType.FLOAT16, data=held.data.astype(np.float16))
                widened[weight] = len(tensors)
                tensors.append(replace(held, name=f"{held.name}.float32", data=None, is_constant=False))
                ops.append(Op(OpKind.DEQUANTIZE, f"{held.name}.float32", (weight,), (widened[weight],)))
            op = replace(op, inputs=(op.inputs[0], widened[weight], *op.inputs[2:]))
        ops.append(op)
    return replace(graph, tensors=tuple(tensors), ops=tuple(ops))


def dynamic_range(graph: Graph) -> Graph:
    """int8 weights, symmetric per output channel; the runtime quantizes each input as it comes.

    Args:
        graph: float32, every constant with data.
    """
    tensors = list(graph.tensors)
    for op in graph.ops:
        axis = op.traits.weight_output_axis
        if op.kind not in _HYBRID or axis is None or not _is_large(graph, op):
            continue
        held = graph.tensors[op.inputs[1]]
        assert held.data is not None
        scales = weight_scales(held.data, axis)
        along = [-1 if k == axis else 1 for k in range(held.data.ndim)]
        steps = np.clip(np.round(held.data / scales.reshape(along)), -127, 127).astype(np.int8)
        qparams = QParams(tuple(float(s) for s in scales), (0,) * len(scales), axis)
        tensors[op.inputs[1]] = replace(held, dtype=DType.INT8, qparams=qparams, data=steps)
    return replace(graph, tensors=tuple(tensors))


def _is_large(graph: Graph, op: Op) -> bool:
    weight = graph.tensors[op.inputs[1]]
    return weight.is_constant and weight.dtype is DType.FLOAT32 and weight.element_count >= _LEAST_WEIGHTS
