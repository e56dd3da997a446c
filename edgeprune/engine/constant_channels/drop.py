"""Channels that are constant for every input are folded into the next layer's bias and leave the graph.

So do channels that are multiplied with zeros alone. A channel that only a depthwise filter reads goes with that
filter's own channel, constant or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.constant_channels.intervals import Interval, places_of
from edgeprune.engine.kernels.linear.filters import Bools
from edgeprune.engine.kernels.requant import scale_zero
from edgeprune.engine.kernels.scaling import Int64s
from edgeprune.ir import Conv2dAttrs, DType, Graph, Op, OpKind, QParams, Tensor

_FEWEST = 2  # LiteRT rounds the factor of a FULLY_CONNECTED with a single scale in another way


def without_droppable(graph: Graph, intervals: Mapping[int, Interval], together: int) -> Graph:
    """The graph itself where none can go.

    Args:
        intervals: of the graph.
        together: channels that kernels make at once: others stay to fill their groups.
    """
    dropped = _dropped(graph, intervals, together)
    return _without(graph, intervals, dropped) if any(drop.any() for drop in dropped.values()) else graph


def _dropped(graph: Graph, intervals: Mapping[int, Interval], together: int) -> dict[int, Bools]:
    """Per tensor the channels that can go: the most for which every operator can do without them."""
    drop = {tensor: np.ones(len(interval.low), np.bool_) for tensor, interval in intervals.items()}
    for tensor in (*graph.inputs, *graph.outputs):
        if tensor in drop:
            drop[tensor][:] = False
    unread = {op.name: np.asarray(~_rows(graph, op).any(axis=(0, 1))) for op in graph.ops if _is_filter(graph, op)}
    before = -1
    while before != (left := sum(int(flags.sum()) for flags in drop.values())):
        before = left
        for op in (*graph.ops[::-1], *graph.ops):
            _restrict(graph, op, intervals, drop, unread.get(op.name))
        if before == sum(int(flags.sum()) for flags in drop.values()):
            for flags in drop.values():
                _keep_some(flags, together)
    return drop


def _keep_some(flags: Bools, together: int) -> None:
    """Takes channels back until their count suits the kernels."""
    kept = len(flags) - int(flags.sum())
    wanted = max(-(-kept // together) * together, _FEWEST)
    if kept < wanted:
        flags[np.flatnonzero(flags)[: wanted - kept]] = False


def _restrict(
    graph: Graph, op: Op, intervals: Mapping[int, Interval], drop: dict[int, Bools], unread: Bools | None
) -> None:
    """Takes back what this operator cannot do without; `unread`: inputs whose weights are all zero, of a filter."""
    x, y = op.inputs[0], op.outputs[0]
    places = None
    if x in drop and y in drop:
        own_channels = np.arange(len(drop[x]))[:, None] if _is_depthwise(graph, op) else None
        places = places_of(graph, op) if own_channels is None else own_channels
    if x in drop and y in drop and unread is not None:
        zero = scale_zero(graph.tensors[x])[1]
        says_nothing = intervals[x].low == zero  # and so at the border, where the image ends
        drop[x] &= unread | intervals[x].is_constant & (says_nothing | (not _is_padded(op)))
    elif places is not None:
        drop[x] &= drop[y][places].all(axis=1)
        drop[y][places] = drop[x][:, None]
    else:
        for tensor in (*op.inputs, *op.outputs):
            if tensor in drop:
                drop[tensor][:] = False


def _without(graph: Graph, intervals: Mapping[int, Interval], dropped: Mapping[int, Bools]) -> Graph:
    """The graph without those channels; biases wrap around as the sums they are part of do."""
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
    if not op.traits.is_gemm or not _owns_constants(graph, op, axis=0):
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


def _is_padded(op: Op) -> bool:
    return isinstance(op.attrs, Conv2dAttrs) and any(op.attrs.pad)


def _owns_constants(graph: Graph, op: Op, axis: int) -> bool:
    """Weights and bias are known, used by no other op, and quantized along the axis of the outputs."""
    position = graph.producer[op.outputs[0]]
    constants = [index for index in op.inputs[1:] if index >= 0]
    if not constants or len(constants) != len(op.inputs) - 1 or len(constants) > 2:
        return False
    weights, *biases = (graph.tensors[index] for index in constants)
    if weights.qparams is None or weights.qparams.axis not in (None, axis):
        return False
    if weights.dtype not in (DType.INT8, DType.INT4):
        return False  # damaged: the kernels say so
    return (
        all(graph.tensors[index].data is not None and graph.consumers[index] == (position,) for index in constants)
        and len(set(constants)) == len(constants)
        and all(bias.dtype is DType.INT32 and bias.shape == weights.shape[axis : axis + 1] for bias in biases)
        and all(bias.qparams is None or bias.qparams.axis in (None, 0) for bias in biases)
    )


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
