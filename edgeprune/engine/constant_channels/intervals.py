"""What each channel can hold, as an interval carried through LiteRT's own integer arithmetic.

The least and the greatest sum a filter can reach are requantized as the kernel does it. Where both give one value the
channel is a constant. LiteRT's sums wrap around in int32: where a filter may reach beyond, all of int32 counts as
reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.fixed_point import requant
from edgeprune.engine.kernels.linear.filters import NOT_STATED, Bools, Filters, read_filters
from edgeprune.engine.kernels.reduction.reduce import mean_multiplier
from edgeprune.engine.kernels.requant import scale_zero
from edgeprune.engine.kernels.scaling import Int64s
from edgeprune.ir import Activation, DType, Graph, Op, OpKind, PoolAttrs, ReduceAttrs, attrs_of

_MOST = 1 << 16  # no layer of a microcontroller has more channels; a damaged file may
_INT32 = (-(1 << 31), (1 << 31) - 1)


@dataclass(frozen=True, eq=False)
class Interval:
    """Least and greatest value of each channel of a tensor, (channels,) each."""

    low: Int64s
    high: Int64s

    @property
    def is_constant(self) -> Bools:
        return np.asarray(self.low == self.high)


def intervals_of(graph: Graph) -> dict[int, Interval]:
    """Of every int8 activation, by tensor."""
    intervals: dict[int, Interval] = {}
    for index, tensor in enumerate(graph.tensors):
        channels = tensor.shape[-1] if tensor.shape else 0
        if tensor.dtype is DType.INT8 and not tensor.is_constant and 0 < channels <= _MOST:
            intervals[index] = _anything(channels)
    for op in graph.ops:
        source = intervals.get(op.inputs[0])
        if source is None or op.outputs[0] not in intervals:
            continue
        filters = read_filters(graph, op)
        if filters is not None:
            intervals[op.outputs[0]] = _filtered(filters, source)
        elif (places := places_of(graph, op)) is not None:
            moved = _moved(graph, op, source)
            low, high = np.empty(places.size, np.int64), np.empty(places.size, np.int64)
            low[places], high[places] = moved.low[:, None], moved.high[:, None]
            intervals[op.outputs[0]] = Interval(low, high)
    return intervals


def _anything(channels: int) -> Interval:
    return Interval(np.full(channels, -128), np.full(channels, 127))


def reachable_sums(filters: Filters, source: Interval) -> Int64s:
    """(channels, 2) least and greatest accumulator, all of int32 where it may wrap around."""
    zero = scale_zero(filters.data)[1]
    one = filters.rows * (source.low[filters.reads] - zero)[:, None, :]
    other = filters.rows * (source.high[filters.reads] - zero)[:, None, :]
    least, most = np.minimum(one, other), np.maximum(one, other)
    if filters.is_padded:
        least, most = np.minimum(least, 0), np.maximum(most, 0)  # at the border a tap counts nothing
    low, high = filters.bias + least.sum(axis=(1, 2)), filters.bias + most.sum(axis=(1, 2))
    wraps = (low < _INT32[0]) | (high > _INT32[1])
    return np.stack([np.where(wraps, _INT32[0], low), np.where(wraps, _INT32[1], high)], axis=1)


def _filtered(filters: Filters, source: Interval) -> Interval:
    low, high = filters.requantized(reachable_sums(filters, source)).T
    unknown = (low == NOT_STATED) | (high == NOT_STATED)
    return Interval(np.where(unknown, -128, low), np.where(unknown, 127, high))


def _moved(graph: Graph, op: Op, source: Interval) -> Interval:
    """Pools and reshapes hand values on; a mean rescales them, in order."""
    if op.kind is not OpKind.MEAN:
        return source
    data, output = graph.tensors[op.inputs[0]], graph.output_of(op)
    count = prod(data.shape[axis] for axis in attrs_of(op, ReduceAttrs).axes)
    multiplier, shift = mean_multiplier(data, output, count)
    (_, zero), (_, out_zero) = scale_zero(data), scale_zero(output)

    def mean(values: Int64s) -> Int64s:
        return np.asarray(np.clip(requant(count * (values - zero), multiplier, shift) + out_zero, -128, 127))

    return Interval(mean(source.low), mean(source.high))


def places_of(graph: Graph, op: Op) -> NDArray[np.intp] | None:
    """Where each channel of the input lies in the output, (channels, n); None where it is not passed on alone."""
    data, output = graph.tensors[op.inputs[0]], graph.output_of(op)
    channels = data.shape[-1]
    if op.kind is not OpKind.RESHAPE and output.shape[-1:] != data.shape[-1:]:
        return None  # the kernels will refuse it
    if isinstance(op.attrs, PoolAttrs):
        plain = data.qparams == output.qparams and op.activation is Activation.NONE
        return np.arange(channels)[:, None] if plain else None
    if op.kind is OpKind.MEAN:
        over_pixels = attrs_of(op, ReduceAttrs).axes == (1, 2) and len(data.shape) == 4
        return np.arange(channels)[:, None] if over_pixels else None
    if op.kind is not OpKind.RESHAPE or data.qparams != output.qparams:
        return None
    if output.shape[-1:] == data.shape[-1:]:
        return np.arange(channels)[:, None]
    if output.shape[-1] == data.element_count:
        return np.arange(data.element_count).reshape(-1, channels).T
    return None
