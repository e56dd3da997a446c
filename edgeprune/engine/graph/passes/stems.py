"""DEPTHWISE_CONV_2D over an image of one channel becomes the CONV_2D it is, which has faster kernels.

LiteRT's converter writes a convolution of a grey image as a depthwise one with a channel multiplier.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.engine.graph.edit import edited
from edgeprune.ir import Graph, Op, OpKind, Tensor


def run(graph: Graph) -> Graph:
    replaced: dict[int, Op] = {}
    tensors: dict[int, Tensor] = {}
    for index, op in enumerate(graph.ops):
        if op.kind is not OpKind.DEPTHWISE_CONV_2D:
            continue
        image, weights = graph.input_of(op, 0), graph.input_of(op, 1)
        if image is None or weights is None or not weights.is_constant or graph.consumers[op.inputs[1]] != (index,):
            continue
        if len(weights.shape) == 4 and weights.shape[0] == 1 < weights.shape[3] and image.shape[3:] == (1,):
            replaced[index] = replace(op, kind=OpKind.CONV_2D)
            tensors[op.inputs[1]] = _filters_first(weights)
    return edited(graph, replaced=replaced, tensors=tensors)


def _filters_first(weights: Tensor) -> Tensor:
    """(1, kh, kw, filters) as (filters, kh, kw, 1)."""
    qparams, data = weights.qparams, weights.data
    if qparams is not None and qparams.axis is not None:
        qparams = replace(qparams, axis=3 - qparams.axis)
    if data is not None:
        data = np.ascontiguousarray(data.transpose(3, 1, 2, 0))
    _, height, width, filters = weights.shape
    return replace(weights, shape=(filters, height, width, 1), qparams=qparams, data=data)
