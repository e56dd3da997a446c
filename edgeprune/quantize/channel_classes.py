"""Which channels of which activations can be multiplied with a positive factor that the weights around them undo.

A layer with weights takes a factor of its output channels into its weights and bias and undoes one of its input
channels in its weights. Operators in between that keep to channels and are positively homogeneous, f(s x) = s f(x) for
s > 0, pass a factor on; a sum makes its operands' channels share theirs; everything else fixes them at 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from edgeprune.ir import (
    Activation,
    ConcatenationAttrs,
    DType,
    Graph,
    MirrorPadAttrs,
    Op,
    OpKind,
    PadAttrs,
    ReduceAttrs,
    SliceAttrs,
    attrs_of,
)
from edgeprune.quantize.observe import has_own_weights

_PASSING = frozenset(
    {OpKind.RELU, OpKind.LEAKY_RELU, OpKind.PRELU, OpKind.ABS, OpKind.MAX_POOL_2D, OpKind.AVERAGE_POOL_2D,
     OpKind.RESIZE_NEAREST_NEIGHBOR, OpKind.RESIZE_BILINEAR}
)  # fmt: skip
_REDUCING = frozenset({OpKind.MEAN, OpKind.SUM, OpKind.REDUCE_MAX})
_JOINING = frozenset({OpKind.ADD, OpKind.SUB, OpKind.MAXIMUM, OpKind.MINIMUM})
_HOMOGENEOUS = (Activation.NONE, Activation.RELU)


@dataclass(frozen=True, eq=False)
class ChannelClasses:
    """Channels that must share a factor.

    Attributes:
        count: of classes.
        of: activation -> (channels,) class of each.
        fixed: (count,) bool, whose factor is 1.
        clamped: activations that are clamped at 6: a factor must leave what they hold below that.
    """

    count: int
    of: Mapping[int, np.ndarray]
    fixed: np.ndarray
    clamped: tuple[int, ...]


def channel_classes(graph: Graph) -> ChannelClasses:
    """Of a float graph in normal form."""
    return _Finder(graph).classes()


class _Finder:
    """Numbers the channels of each activation anew where a layer makes them, and joins numbers."""

    def __init__(self, graph: Graph):
        self._graph = graph
        self._parent: list[int] = []
        self._channels: dict[int, np.ndarray] = {}
        self._fixed: set[int] = set()
        self._clamped: list[int] = []

    def classes(self) -> ChannelClasses:
        for index in self._graph.inputs:
            self._fix(self._made(index))
        for op in self._graph.ops:
            self._add(op)
        for index in self._graph.outputs:
            self._fix(self._channels[index])
        roots = [self._root(number) for number in range(len(self._parent))]
        numbers = {root: number for number, root in enumerate(dict.fromkeys(roots))}
        class_of = np.array([numbers[root] for root in roots], np.int64)
        fixed = np.zeros(len(numbers), bool)
        fixed[class_of[sorted(self._fixed)]] = True
        of = {index: class_of[channels] for index, channels in self._channels.items()}
        return ChannelClasses(len(numbers), of, fixed, tuple(self._clamped))

    def _add(self, op: Op) -> None:
        if op.traits.has_weights:
            self._add_layer(op)
            return
        passed = self._passed(op) if op.activation in _HOMOGENEOUS else None
        if passed is not None:
            self._channels[op.outputs[0]] = passed
            return
        for index in op.inputs:
            if index in self._channels:
                self._fix(self._channels[index])
        for index in op.outputs:
            self._fix(self._made(index))

    def _add_layer(self, op: Op) -> None:
        made = self._made(op.outputs[0])
        if op.activation is Activation.RELU6:
            self._clamped.append(op.outputs[0])
        elif op.activation not in _HOMOGENEOUS:
            self._fix(made)
        if not has_own_weights(self._graph, op):
            self._fix([*made, *self._channels[op.inputs[0]]])

    def _passed(self, op: Op) -> np.ndarray | None:
        """The output's channels where it has its inputs'."""
        tensors = self._graph.tensors
        source, output = op.inputs[0], op.outputs[0]
        read = [index for index in op.inputs if index >= 0 and not tensors[index].is_constant]
        if source not in self._channels or any(tensors[index].dtype is not DType.FLOAT32 for index in read):
            return None
        own, channels = self._channels[source], (tensors[output].shape or (1,))[-1]
        if op.kind in _PASSING or self._keeps_to_channels(op):
            return own if len(own) == channels else None
        if op.traits.is_reshape:
            return _reshaped(own, tensors[source].shape, tensors[output].shape)
        if op.kind is OpKind.CONCATENATION and attrs_of(op, ConcatenationAttrs).axis == len(tensors[output].shape) - 1:
            known = all(index in self._channels for index in op.inputs)
            return np.concatenate([self._channels[index] for index in op.inputs]) if known else None
        if op.kind is OpKind.MUL:
            return self._gated(op)
        if op.kind in _JOINING and len(read) == 2 and all(len(self._channels[index]) == channels for index in read):
            for first, second in zip(own, self._channels[op.inputs[1]], strict=True):
                self._parent[self._root(int(first))] = self._root(int(second))
            return own
        return None

    def _keeps_to_channels(self, op: Op) -> bool:
        last = len(self._graph.tensors[op.inputs[0]].shape) - 1
        if op.kind in _REDUCING:
            return last not in attrs_of(op, ReduceAttrs).axes
        if op.kind is OpKind.PAD:
            return not any(attrs_of(op, PadAttrs).padding[last])
        if op.kind is OpKind.MIRROR_PAD:
            return not any(attrs_of(op, MirrorPadAttrs).padding[last])
        return op.kind is OpKind.SLICE and attrs_of(op, SliceAttrs).begin[last] == 0

    def _gated(self, op: Op) -> np.ndarray | None:
        """A product has the channels of the factor that has its shape; the other factor's are fixed."""
        tensors, shape = self._graph.tensors, self._graph.output_of(op).shape
        for index, other in (op.inputs[:2], op.inputs[1::-1]):
            if index in self._channels and tensors[index].shape == shape:
                if other in self._channels:
                    self._fix(self._channels[other])
                return self._channels[index] if index != other else None
        return None

    def _made(self, index: int) -> np.ndarray:
        count = (self._graph.tensors[index].shape or (1,))[-1]
        channels = np.arange(len(self._parent), len(self._parent) + count)
        self._parent.extend(channels.tolist())
        self._channels[index] = channels
        return channels

    def _fix(self, channels: Iterable[int]) -> None:
        self._fixed.update(int(channel) for channel in channels)

    def _root(self, channel: int) -> int:
        while self._parent[channel] != channel:
            self._parent[channel] = self._parent[self._parent[channel]]
            channel = self._parent[channel]
        return channel


def _reshaped(channels: np.ndarray, before: tuple[int, ...], after: tuple[int, ...]) -> np.ndarray | None:
    """The last axis as it was, or whole pixels side by side in it."""
    if not before or not after or before[-1] == 0 or after[-1] % before[-1]:
        return None
    pixels, count = after[-1] // before[-1], 1
    for length in before[-2::-1]:
        if count == pixels:
            break
        count *= length
    return np.tile(channels, pixels) if count == pixels else None
