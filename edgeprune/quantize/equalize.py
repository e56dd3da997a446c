"""Cross-layer equalization: channels of an activation brought to one range by factors that the weights undo.

An activation has one scale for all its channels, so a channel that reaches less far than the largest has fewer steps.
Multiplied with s, it has more; the layer behind divides its weights by s:

    s = (reach of the channel / reach of the tensor) ** -exponent
        * (reach of the weights that read it) ** (1 - exponent)

0.5 is the paper's: both ranges matter alike. 1 equalizes activations alone, best where the weights' rounding is made up
for. Depthwise weights have a scale per channel, so that for what they read it is 1 in any case.

Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, arXiv:1906.04721,
with activations observed and not guessed from batch norms, and sums, pools and joins between the layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.ir import Graph, L2NormalizationAttrs, Op, OpKind, attrs_of
from edgeprune.quantize.channel_classes import ChannelClasses, channel_classes
from edgeprune.quantize.input_moments import group_count, rows_of_channels, rows_of_weights, weights_of_rows
from edgeprune.quantize.observe import Observed, has_own_weights

_MOST = 64.0  # a factor, and what it may be the inverse of
_CLAMP = 6.0
_BELOW_CLAMP = 0.99


@dataclass(frozen=True, eq=False)
class Equalized:
    """graph: the same function. factors: activation -> (channels,) what its channels are multiplied with."""

    graph: Graph
    factors: Mapping[int, np.ndarray]


def equalized(graph: Graph, observed: Mapping[int, Observed], exponent: float) -> Equalized:
    """Args:
    graph: float, in normal form, every constant with data.
    observed: every activation.
    exponent: 0 to 1.
    """
    classes = channel_classes(graph)
    factors = _factors(graph, classes, observed, exponent)
    of = {index: factors[channels].astype(np.float32) for index, channels in classes.of.items()}
    tensors = list(graph.tensors)
    for op in graph.ops:
        if not has_own_weights(graph, op):
            continue
        inside, outside = of[op.inputs[0]].astype(np.float64), of[op.outputs[0]].astype(np.float64)
        held = tensors[op.inputs[1]]
        groups = group_count(graph, op)
        assert held.data is not None
        rows = rows_of_weights(held.data.astype(np.float64), op, groups)
        rows = rows / rows_of_channels(inside, graph, op)[:, None, :] * outside.reshape(groups, -1, 1)
        tensors[op.inputs[1]] = held.with_data(weights_of_rows(rows, op, held.shape).astype(np.float32))
        for index in op.inputs[2:]:
            bias = tensors[index].data
            assert bias is not None
            tensors[index] = tensors[index].with_data((bias * outside).astype(np.float32))
    return Equalized(graph.with_tensors(tuple(tensors)), of)


def _factors(graph: Graph, classes: ChannelClasses, observed: Mapping[int, Observed], exponent: float) -> np.ndarray:
    """(classes,) float64."""
    reach, weights = np.zeros(classes.count), np.zeros(classes.count)
    for index, one in observed.items():
        own = one.likely_reach.astype(np.float64)
        np.maximum.at(reach, classes.of[index], own / max(own.max(), 1e-30))
    for op in graph.ops:
        if has_own_weights(graph, op) and op.kind is not OpKind.DEPTHWISE_CONV_2D:
            np.maximum.at(weights, classes.of[op.inputs[0]], _reach_of_weights(graph, op))
    is_weighed = weights > 0
    both = np.maximum(reach, 1 / _MOST) ** -exponent * np.maximum(weights, 1 / _MOST) ** (1 - exponent)
    factors = np.where(is_weighed, both, 1 / np.maximum(reach, 1 / _MOST))
    factors = np.clip(factors, 1 / _MOST, _MOST)
    for index in classes.clamped:  # what was clamped stays so, what was not stays below
        room = _BELOW_CLAMP * _CLAMP / np.maximum(observed[index].likely_reach.astype(np.float64), 1e-30)
        channels = classes.of[index]
        np.maximum.at(factors, channels, 1.0)
        np.minimum.at(factors, channels, np.maximum(room, 1.0))
    return np.where(classes.fixed | (reach == 0), 1.0, factors)


def _reach_of_weights(graph: Graph, op: Op) -> np.ndarray:
    """(input channels,) largest weight that reads each, as a share of the largest of its output channel."""
    held, groups = graph.tensors[op.inputs[1]], group_count(graph, op)
    assert held.data is not None
    rows = np.abs(rows_of_weights(held.data.astype(np.float64), op, groups))
    shares = rows / np.maximum(rows.max(axis=2, keepdims=True), 1e-30)
    channels = held.shape[-1]
    reach: np.ndarray = shares.max(axis=1).reshape(groups, -1, channels).max(axis=1).reshape(-1)
    return reach


def with_gains(graph: Graph, activations: Mapping[int, Observed]) -> Graph:
    """The graph whose integer form has its own values at most where vectors are short beside a norm's epsilon.

    No integer kernel of L2_NORMALIZATION knows an epsilon: it makes vectors of length one where the float network makes
    shorter ones. By how much they are shorter in the mean goes into the weights and factors that read them. As a float
    network the graph has another scale there.

    Args:
        graph: float, every constant with data.
        activations: tensor -> what it holds.
    """
    tensors, gains = list(graph.tensors), dict[int, float]()
    for op in graph.ops:
        if op.kind is OpKind.L2_NORMALIZATION and (epsilon := attrs_of(op, L2NormalizationAttrs).epsilon) > 0:
            squares = np.square(activations[op.inputs[0]].rows.astype(np.float64)).sum(axis=1)
            gains[op.outputs[0]] = float(np.sqrt(squares / (squares + epsilon)).mean())
        elif op.kind is OpKind.RESHAPE and op.inputs[0] in gains:
            gains[op.outputs[0]] = gains[op.inputs[0]]
    wanted: dict[int, set[float]] = {}
    for op in graph.ops:
        read = [index for index in op.inputs if index in gains]
        for index in op.inputs:
            if index >= 0 and tensors[index].is_constant:
                factor = index == op.inputs[1] if op.traits.has_weights else op.kind is OpKind.MUL
                wanted.setdefault(index, set()).add(gains[read[0]] if read and factor else 1.0)
    for index, found in wanted.items():
        data = tensors[index].data
        if len(found) == 1 and found != {1.0} and data is not None and any(found):
            tensors[index] = replace(tensors[index], data=(data * found.pop()).astype(data.dtype))
    return replace(graph, tensors=tuple(tensors))
