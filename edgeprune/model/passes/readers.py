"""A factor or a term per channel, as a norm ends with them, goes into the constants of all that read it: a rounding of
a whole map fewer for each.

Only where nothing else reads it, and the constants are one reader's own: those of layers that are called again and
again stay shared. A term stays in front of padding, whose zeros it must not reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from edgeprune.ir import NO_PAD, Activation, Conv2dAttrs, Graph, Op, OpKind, Tensor, attrs_of
from edgeprune.model.passes.rewritten import Rewritten

_LAYERS = (OpKind.FULLY_CONNECTED, OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D)


@dataclass(frozen=True)
class _PerChannel:
    """MUL, ADD or SUB of a tensor and a constant with one value per channel, or one for all."""

    op: Op
    data: int
    constant: Tensor

    @property
    def is_factor(self) -> bool:
        return self.op.kind is OpKind.MUL

    @property
    def values(self) -> np.ndarray | None:
        """float64 (channels,), or (1,); with the sign that SUB gives them."""
        held = self.constant.data
        if held is None:
            return None
        return held.reshape(-1).astype(np.float64) * (-1 if self.op.kind is OpKind.SUB else 1)


def run(before: Rewritten) -> Rewritten:
    result = before
    for made in reversed([op.outputs[0] for op in before.graph.ops]):
        graph = result.graph
        found = _per_channel(graph, graph.ops[graph.producer[made]])
        readers = None if found is None else _readers(graph, found)
        if found is not None and readers:
            result = _into_readers(result, found, readers)
    return result


def _per_channel(graph: Graph, op: Op) -> _PerChannel | None:
    if op.kind not in (OpKind.MUL, OpKind.ADD, OpKind.SUB) or op.activation is not Activation.NONE:
        return None
    constants = [index for index in op.inputs if graph.tensors[index].is_constant]
    if len(constants) != 1 or (op.kind is OpKind.SUB and op.inputs[0] == constants[0]):
        return None
    (data,) = (index for index in op.inputs if index != constants[0])
    shape, constant = graph.output_of(op).shape, graph.tensors[constants[0]]
    own = constant.shape[-1:] in ((), shape[-1:]) and prod(constant.shape) in (1, shape[-1])
    return _PerChannel(op, data, constant) if own and graph.tensors[data].shape == shape else None


def _readers(graph: Graph, found: _PerChannel) -> list[Op] | None:
    """All that read it, views passed through; None where one of them cannot take it in."""
    channels = graph.output_of(found.op).shape[-1]
    views, readers = [found.op.outputs[0]], list[Op]()
    for view in views:
        if view in graph.outputs or graph.tensors[view].shape[-1:] != (channels,):
            return None
        for op in (graph.ops[position] for position in graph.consumers.get(view, ())):
            if op.kind is OpKind.RESHAPE:
                views += op.outputs
            elif _takes(graph, op, view, found):
                readers.append(op)
            else:
                return None
    return readers


def _takes(graph: Graph, op: Op, data: int, found: _PerChannel) -> bool:
    """Whether it can have the factor or the term in its constants."""
    own = all(
        graph.tensors[index].is_constant and len(graph.consumers[index]) == 1 for index in op.inputs if index != data
    )
    if not own or op.inputs.count(data) != 1:
        return False
    if op.kind is OpKind.MUL:
        of_channels = {graph.tensors[index].shape for index in op.inputs if index != data}
        return found.is_factor and _per_channel(graph, op) is not None and of_channels != {()}
    if op.kind not in _LAYERS or op.inputs[0] != data:
        return False
    return found.is_factor or op.kind is OpKind.FULLY_CONNECTED or attrs_of(op, Conv2dAttrs).pad == NO_PAD


def _into_readers(before: Rewritten, found: _PerChannel, readers: list[Op]) -> Rewritten:
    result, values = before, found.values
    for op in readers:
        for index, data in _changed(before.graph, op, found, values):
            result = result.holding(index, replace(before.graph.tensors[index], data=data.astype(np.float32)))
    gone = found.op.outputs[0]
    ops = [
        replace(op, inputs=tuple(found.data if index == gone else index for index in op.inputs))
        for op in result.graph.ops
        if op is not found.op
    ]
    return result.with_ops(tuple(ops))


def _changed(graph: Graph, op: Op, found: _PerChannel, values: np.ndarray | None) -> Iterator[tuple[int, np.ndarray]]:
    """The constants of a reader that become others, where there is data; float64."""
    if op.kind is OpKind.MUL:
        (constant,) = (index for index in op.inputs if graph.tensors[index].is_constant)
        held = graph.tensors[constant].data
        if values is not None and held is not None:
            yield constant, held * values
        return
    weight, bias = (graph.tensors[index].data for index in op.inputs[1:3])
    if values is None or weight is None or bias is None:
        return
    changed = weight * _along_weight(op, weight, values, graph.output_of(found.op).shape[-1])
    if found.is_factor:
        yield op.inputs[1], changed
    elif op.kind is OpKind.DEPTHWISE_CONV_2D:
        yield op.inputs[2], bias + changed.sum(axis=(0, 1, 2))
    else:
        yield op.inputs[2], bias + changed.reshape(len(weight), -1).sum(axis=1)


def _along_weight(op: Op, weight: np.ndarray, values: np.ndarray, channels: int) -> np.ndarray:
    """The value for each weight, by the input channel that it is multiplied with; broadcasts."""
    if len(values) == 1:
        return values
    if op.kind is OpKind.DEPTHWISE_CONV_2D:
        return np.repeat(values, weight.shape[-1] // channels)
    groups = channels // weight.shape[-1]
    of_groups = np.repeat(values.reshape(groups, -1), len(weight) // groups, axis=0)
    return of_groups.reshape(len(weight), *[1] * (weight.ndim - 2), weight.shape[-1])
