"""Channels that say the same for every input are folded into the next layer's bias; no byte of the output changes.

What each channel can hold is an interval, carried through LiteRT's own integer arithmetic: the least and the greatest
sum a filter can reach are requantized as the kernel does it. Where both give one value the channel is a constant. Dead
ReLUs of trained networks are: in MLPerf Tiny's person detector half of all multiplications are spent on them. A channel
that only a depthwise filter reads goes with that filter's own channel, constant or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from edgeprune.ir import Activation, DType, Graph, Op, OpKind, QParams, Tensor
from edgeprune.kernels.dense import read_dense
from edgeprune.kernels.dsp.dense import dense_scaling
from edgeprune.kernels.dsp.layer import layer_scaling
from edgeprune.kernels.dsp.requant import Scaling
from edgeprune.kernels.fixed_point import requant
from edgeprune.kernels.reduce import mean_multiplier
from edgeprune.kernels.requant import scale_zero

Bools = NDArray[np.bool_]
Int64s = NDArray[np.int64]

_FILTERS = (OpKind.CONV_2D, OpKind.FULLY_CONNECTED)
_FEWEST = 2  # LiteRT rounds the factor of a FULLY_CONNECTED with a single scale in another way
_MOST = 1 << 16  # no layer of a microcontroller has more; a damaged file may
_POOLS = (OpKind.MAX_POOL_2D, OpKind.AVERAGE_POOL_2D)


@dataclass(frozen=True, eq=False)
class _Interval:
    """Least and greatest value of each channel of a tensor, (channels,) each."""

    low: Int64s
    high: Int64s

    @property
    def is_constant(self) -> Bools:
        return np.asarray(self.low == self.high)


def without_constant_channels(graph: Graph) -> Graph:
    """The same graph with fewer channels inside; itself where none can go.

    Args:
        graph: clean, int8; without constant data nothing is known and nothing changes.
    """
    while True:
        intervals = _intervals(graph)
        dropped = _dropped(graph, intervals)
        if not any(drop.any() for drop in dropped.values()):
            return graph
        smaller = _without(graph, intervals, dropped)
        if smaller is None:
            return graph
        graph = smaller


def _intervals(graph: Graph) -> dict[int, _Interval]:
    """Of every int8 activation, by tensor."""
    found: dict[int, _Interval] = {}
    for index, tensor in enumerate(graph.tensors):
        channels = tensor.shape[-1] if tensor.shape else 0
        if tensor.dtype is DType.INT8 and not tensor.is_constant and 0 < channels <= _MOST:
            found[index] = _Interval(np.full(channels, -128), np.full(channels, 127))
    for op in graph.ops:
        source = found.get(op.inputs[0])
        if source is None or op.outputs[0] not in found:
            continue
        if _is_filter(graph, op) or _is_depthwise(graph, op):
            found[op.outputs[0]] = _filtered(graph, op, source)
        elif (places := _places(graph, op)) is not None:
            moved = _moved(graph, op, source)
            low, high = np.empty(places.size, np.int64), np.empty(places.size, np.int64)
            low[places], high[places] = moved.low[:, None], moved.high[:, None]
            found[op.outputs[0]] = _Interval(low, high)
    return found


def _filtered(graph: Graph, op: Op, source: _Interval) -> _Interval:
    rows = _rows(graph, op)
    zero = scale_zero(graph.tensors[op.inputs[0]])[1]
    one, other = rows * (source.low - zero), rows * (source.high - zero)
    if _is_depthwise(graph, op):
        one, other = np.swapaxes(one, 0, 2), np.swapaxes(other, 0, 2)
    least, most = np.minimum(one, other), np.maximum(one, other)
    if any(op.attrs.get("pad", ())):
        least, most = np.minimum(least, 0), np.maximum(most, 0)  # at the border a tap counts nothing
    bias = _bias(graph, op, len(least))
    sums = np.stack([bias + least.sum(axis=(1, 2)), bias + most.sum(axis=(1, 2))], axis=1)
    if np.abs(sums).max(initial=0) >= 1 << 31:
        return _Interval(np.full(len(sums), -128), np.full(len(sums), 127))
    low, high = _scaling(graph, op)(sums).T
    return _Interval(low, high)


def _moved(graph: Graph, op: Op, source: _Interval) -> _Interval:
    """Pools and reshapes hand values on; a mean rescales them, in order."""
    if op.kind is not OpKind.MEAN:
        return source
    data, output = graph.tensors[op.inputs[0]], graph.output_of(op)
    count = prod(data.shape[axis] for axis in op.attrs["axes"])
    multiplier, shift = mean_multiplier(data, output, count)
    (_, zero), (_, out_zero) = scale_zero(data), scale_zero(output)

    def mean(values: Int64s) -> Int64s:
        return np.asarray(np.clip(requant(count * (values - zero), multiplier, shift) + out_zero, -128, 127))

    return _Interval(mean(source.low), mean(source.high))


def _dropped(graph: Graph, intervals: Mapping[int, _Interval]) -> dict[int, Bools]:
    """Per tensor the channels that can go: the most for which every operator can do without them."""
    drop = {tensor: np.ones(len(interval.low), np.bool_) for tensor, interval in intervals.items()}
    for tensor in (*graph.inputs, *graph.outputs):
        if tensor in drop:
            drop[tensor][:] = False
    before = -1
    while before != (left := sum(int(flags.sum()) for flags in drop.values())):
        before = left
        for op in graph.ops:
            _restrict(graph, op, intervals, drop)
        for flags in drop.values():
            if len(flags) - flags.sum() < min(_FEWEST, len(flags)):
                flags[flags.argmax()] = False
    return drop


def _restrict(graph: Graph, op: Op, intervals: Mapping[int, _Interval], drop: dict[int, Bools]) -> None:
    """Takes back what this operator cannot do without."""
    x, y = op.inputs[0], op.outputs[0]
    places = _places(graph, op) if x in drop and y in drop else None
    if x in drop and y in drop and _is_filter(graph, op):
        zero = scale_zero(graph.tensors[x])[1]
        says_nothing = intervals[x].low == zero  # and so at the border, where the image ends
        drop[x] &= intervals[x].is_constant & (says_nothing | (not any(op.attrs.get("pad", ()))))
    elif places is not None:
        drop[x] &= drop[y][places].all(axis=1)
        drop[y][places] = drop[x][:, None]
    else:
        for tensor in (*op.inputs, *op.outputs):
            if tensor in drop:
                drop[tensor][:] = False


def _without(graph: Graph, intervals: Mapping[int, _Interval], dropped: Mapping[int, Bools]) -> Graph | None:
    """The graph without those channels; None where a bias would leave int32."""
    tensors = list(graph.tensors)
    for tensor, drop in dropped.items():
        kept = int((~drop).sum())
        tensors[tensor] = replace(tensors[tensor], shape=(*tensors[tensor].shape[:-1], kept))
    ops = list(graph.ops)
    for position, op in enumerate(graph.ops):
        x, y = op.inputs[0], op.outputs[0]
        if x not in dropped or y not in dropped or not (dropped[x].any() or dropped[y].any()):
            continue
        if not (_is_filter(graph, op) or _is_depthwise(graph, op)):
            continue
        weights = graph.tensors[op.inputs[1]]
        assert weights.data is not None
        bias = _bias(graph, op, len(dropped[y]))
        if _is_depthwise(graph, op):
            data = weights.data[..., ~dropped[y]]
        else:
            gone = np.where(dropped[x], intervals[x].low - scale_zero(graph.tensors[x])[1], 0)
            bias = bias + _rows(graph, op).sum(axis=1) @ gone
            data = weights.data[~dropped[y]][..., ~dropped[x]]
        if np.abs(bias).max(initial=0) >= 1 << 31:
            return None
        tensors[op.inputs[1]] = _resized(weights, data, dropped[y])
        made = Tensor(f"{op.name}/bias", bias.shape, DType.INT32, is_constant=True)
        old = graph.input_of(op, 2) or made
        new = _resized(old, bias.astype(np.int32)[~dropped[y]], dropped[y])
        if old is made:
            ops[position] = replace(op, inputs=(*op.inputs[:2], len(tensors)))
            tensors.append(new)
        else:
            tensors[op.inputs[2]] = new
    return replace(graph, tensors=tuple(tensors), ops=tuple(ops))


def _resized(tensor: Tensor, data: NDArray[np.generic], drop: Bools) -> Tensor:
    qparams = tensor.qparams
    if qparams is not None and qparams.axis is not None:
        scales = zip(qparams.scale, qparams.zero_point, drop, strict=True)
        scale, zero_point = zip(*((s, z) for s, z, gone in scales if not gone), strict=True)
        qparams = QParams(scale, zero_point, qparams.axis if len(scale) > 1 else None)
    return replace(tensor, shape=data.shape, qparams=qparams, data=np.ascontiguousarray(data))


def _is_filter(graph: Graph, op: Op) -> bool:
    """A CONV_2D of one group or a FULLY_CONNECTED over the last axis, whose weights are its own."""
    if op.kind not in _FILTERS or not _owns_constants(graph, op, axis=0):
        return False
    shape = graph.tensors[op.inputs[1]].shape
    ends = (graph.output_of(op).shape[-1:], graph.tensors[op.inputs[0]].shape[-1:])
    return len(shape) == (4 if op.kind is OpKind.CONV_2D else 2) and (shape[:1], shape[-1:]) == ends


def _is_depthwise(graph: Graph, op: Op) -> bool:
    """One filter a channel."""
    if op.kind is not OpKind.DEPTHWISE_CONV_2D or not _owns_constants(graph, op, axis=3):
        return False
    shape, channels = graph.tensors[op.inputs[1]].shape, graph.tensors[op.inputs[0]].shape[-1:]
    return len(shape) == 4 and shape[0] == 1 and shape[3:] == channels == graph.output_of(op).shape[-1:]


def _owns_constants(graph: Graph, op: Op, axis: int) -> bool:
    """Weights and bias are known, nobody else's, and quantized along the axis of the outputs."""
    position = graph.producer[op.outputs[0]]
    constants = [index for index in op.inputs[1:] if index >= 0]
    if not constants or len(constants) != len(op.inputs) - 1 or len(constants) > 2:
        return False
    weights, *biases = (graph.tensors[index] for index in constants)
    if weights.qparams is None or weights.qparams.axis not in (None, axis):
        return False
    return (
        all(graph.tensors[index].data is not None and graph.consumers[index] == (position,) for index in constants)
        and len(set(constants)) == len(constants)
        and all(bias.dtype is DType.INT32 and bias.shape == weights.shape[axis : axis + 1] for bias in biases)
        and all(bias.qparams is None or bias.qparams.axis in (None, 0) for bias in biases)
    )


def _places(graph: Graph, op: Op) -> NDArray[np.intp] | None:
    """Where each channel of the input is found in the output, (channels, n); None where it is not handed on alone."""
    data, output = graph.tensors[op.inputs[0]], graph.output_of(op)
    channels = data.shape[-1]
    if op.kind is not OpKind.RESHAPE and output.shape[-1:] != data.shape[-1:]:
        return None  # the kernels will refuse it
    if op.kind in _POOLS:
        plain = data.qparams == output.qparams and op.attrs["activation"] is Activation.NONE
        return np.arange(channels)[:, None] if plain else None
    if op.kind is OpKind.MEAN:
        return np.arange(channels)[:, None] if op.attrs["axes"] == (1, 2) and len(data.shape) == 4 else None
    if _is_depthwise(graph, op):
        return np.arange(channels)[:, None]
    if op.kind is not OpKind.RESHAPE or data.qparams != output.qparams:
        return None
    if output.shape[-1:] == data.shape[-1:]:
        return np.arange(channels)[:, None]
    if output.shape[-1] == data.element_count:
        return np.arange(data.element_count).reshape(-1, channels).T
    return None


def _rows(graph: Graph, op: Op) -> Int64s:
    """Weights less their zero point, (outputs, taps, inputs); a depthwise layer's are (1, taps, channels)."""
    weights = graph.tensors[op.inputs[1]]
    assert weights.data is not None
    zero = weights.qparams.zero_point[0] if weights.qparams is not None else 0
    return weights.data.astype(np.int64).reshape(weights.shape[0], -1, weights.shape[-1]) - zero


def _bias(graph: Graph, op: Op, channels: int) -> Int64s:
    bias = graph.input_of(op, 2)
    if bias is None or bias.data is None:
        return np.zeros(channels, np.int64)
    return np.asarray(bias.data.reshape(-1), np.int64)


def _scaling(graph: Graph, op: Op) -> Scaling:
    if op.kind is OpKind.FULLY_CONNECTED:
        return dense_scaling(read_dense(graph, op))
    image, output = graph.tensors[op.inputs[0]], graph.output_of(op)
    return layer_scaling(op, image, graph.tensors[op.inputs[1]], output, output.shape[-1])
