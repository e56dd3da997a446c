"""Weights' scales with which every layer that is counted on to requantize in two instructions can.

Whether a channel can is a matter of luck: 255 thresholds have to fall between their accumulators, and a large scale
beside small ones leaves those few bits. Another scale, larger by parts of a hundred thousand, draws anew; no weight and
no bias changes by that. Layers of as many outputs are drawn for one shift: they share code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.engine.kernels.dsp.constants import (
    PAIRED,
    PLAIN,
    USUAL_SHIFT,
    Requantized,
    counts_on_two,
    lifted_constants,
)
from edgeprune.engine.kernels.dsp.stream import pairs_of
from edgeprune.engine.kernels.linear.conv2d import read_conv2d
from edgeprune.engine.kernels.linear.depthwise import read_depthwise
from edgeprune.engine.kernels.linear.transpose_conv import read_transpose_conv
from edgeprune.engine.kernels.pieces import transposed_pieces
from edgeprune.engine.kernels.scaling import Int64s, Scaling, accumulator_range
from edgeprune.errors import ModelError
from edgeprune.ir import DType, Graph, Op, OpKind, QParams, Tensor

_WIDER = 1 + 2.0**-17  # sixty steps of a float32
_DRAWS = 40
_KINDS = (OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D, OpKind.TRANSPOSE_CONV)


@dataclass(frozen=True, eq=False)
class _Layer:
    """What the kernels of an operator requantize.

    Attributes:
        reach: (least, greatest) accumulators, each (channels,), of every part of the layer that is computed alone.
        multiples: each accumulator comes multiplied by, one after the other.
        owner: channel of each of those accumulators.
        is_lifted: a kernel that lifts its words may run it.
    """

    scaling: Scaling
    reach: tuple[tuple[Int64s, Int64s], ...]
    multiples: tuple[int, ...]
    owner: np.ndarray
    is_lifted: bool

    @staticmethod
    def of(graph: Graph, op: Op) -> _Layer:
        if op.kind is OpKind.TRANSPOSE_CONV:
            layer = transposed_pieces(read_transpose_conv(graph, op))
            rows = [layer.rows(piece) for piece in layer.pieces]
            reach = tuple(accumulator_range(one, layer.folded_bias(one)) for one in rows)
            return _Layer(layer.scaling, reach, PAIRED, pairs_of(len(rows[0])), False)
        if op.kind is OpKind.CONV_2D:
            conv = read_conv2d(graph, op)
            own = (accumulator_range(conv.rows, conv.folded_bias),)
            return _Layer(conv.scaling, own, PAIRED, pairs_of(len(conv.rows), conv.groups), False)
        depthwise = read_depthwise(graph, op)
        own = (accumulator_range(depthwise.rows, depthwise.folded_bias),)
        is_lifted = not depthwise.is_plain_3x3 and depthwise.few_pixels_step is None
        return _Layer(depthwise.scaling, own, PLAIN, np.arange(len(depthwise.rows)), is_lifted)

    @property
    def shift(self) -> int:
        """The usual one, or the largest that leaves room for the largest factor; negative where none does."""
        if self.is_lifted:
            return USUAL_SHIFT
        largest = float((self.scaling.multiplier * np.exp2(self.scaling.shift - 31.0)).max())
        return min(USUAL_SHIFT, int(np.floor(-np.log2(max(largest, 1e-9)))) - 1)

    def unsolved(self, shift: int) -> np.ndarray:
        """Channels without constants at this shift."""
        scaling, owner = self.scaling, self.owner
        of_words = replace(scaling, multiplier=scaling.multiplier[owner], shift=scaling.shift[owner])
        failed = np.zeros(len(owner), np.bool_)
        for low, high in self.reach:
            if self.is_lifted:
                failed |= ~lifted_constants(of_words, low[owner], high[owner], shift).solved
            else:
                failed |= ~Requantized.of(of_words, low[owner], high[owner], self.multiples).solved(shift)
        return np.unique(owner[failed])


def solvable(graph: Graph) -> Graph:
    """Args:
    graph: int8, cleaned, with data.
    """
    layers = dict(_counted_on(graph))
    tensors = list(graph.tensors)
    for op, layer in layers.items():
        shifts = [other.shift for one, other in layers.items() if _may_share(graph, op, one) and other.shift >= 0]
        if layer.shift >= 0:
            _draw(graph, tensors, op, USUAL_SHIFT if layer.is_lifted else min(shifts))
    return graph.with_tensors(tuple(tensors))


def _counted_on(graph: Graph) -> Iterator[tuple[Op, _Layer]]:
    """Layers that are counted on, whose scales are their own."""
    for op in graph.ops:
        if op.kind in _KINDS and _has_own_scales(graph, op) and counts_on_two(op, graph.output_of(op)):
            try:
                yield op, _Layer.of(graph, op)
            except ModelError:  # pads as large as its window: no kernel takes it as it stands here
                continue


def _may_share(graph: Graph, one: Op, other: Op) -> bool:
    """Whether two layers' functions may differ in the shift alone."""
    depthwise = {op.kind is OpKind.DEPTHWISE_CONV_2D for op in (one, other)}
    return len(depthwise) == 1 and graph.output_of(one).shape[-1] == graph.output_of(other).shape[-1]


def _draw(graph: Graph, tensors: list[Tensor], op: Op, shift: int) -> None:
    """Widens scales of channels in `tensors` until all have constants, or for so many times."""
    for _ in range(_DRAWS):
        channels = _Layer.of(graph.with_tensors(tuple(tensors)), op).unsolved(shift)
        if not len(channels):
            return
        for index in op.inputs[1:]:
            if index >= 0:
                tensors[index] = _wider(tensors[index], channels)


def _has_own_scales(graph: Graph, op: Op) -> bool:
    """Per channel, of weights and bias that no other operator reads."""
    held = [graph.tensors[index] for index in op.inputs[1:] if index >= 0]
    alone = all(len(graph.consumers[index]) == 1 for index in op.inputs[1:] if index >= 0)
    int8 = graph.tensors[op.inputs[0]].dtype is DType.INT8
    channels = graph.output_of(op).shape[-1]
    return alone and int8 and all(one.data is not None and _scales(one) == channels for one in held)


def _scales(tensor: Tensor) -> int:
    return 0 if tensor.qparams is None else len(tensor.qparams.scale)


def _wider(tensor: Tensor, channels: np.ndarray) -> Tensor:
    assert tensor.qparams is not None
    scale = np.array(tensor.qparams.scale, np.float32)
    scale[channels] *= np.float32(_WIDER)
    qparams = tensor.qparams
    return replace(tensor, qparams=QParams(tuple(map(float, scale)), qparams.zero_point, qparams.axis))
