"""Layers whose output channels are sums of weighted inputs, seen alike: rows of weights, and what they read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.linear.single_rounding import LARGEST, rounded
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.engine.kernels.scaling import Int64s, layer_scaling
from edgeprune.ir import Conv2dAttrs, DType, Graph, Op, OpKind, Tensor

Bools = NDArray[np.bool_]

_KINDS = (OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D, OpKind.TRANSPOSE_CONV, OpKind.FULLY_CONNECTED)
NOT_STATED = -129
"""No int8 value."""


@dataclass(frozen=True, eq=False)
class Filters:
    """A layer with known weights and bias.

    Attributes:
        rows: (channels, taps, inputs) weights less their zero point.
        reads: (channels, inputs) the input channel each column of a row is multiplied with.
        bias: (channels,), 0 where the layer has none.
        bias_name: of its tensor.
    """

    op: Op
    data: Tensor
    weights: Tensor
    output: Tensor
    rows: Int64s
    reads: NDArray[np.intp]
    bias: Int64s
    bias_name: str

    @property
    def channels(self) -> int:
        return len(self.rows)

    @property
    def is_padded(self) -> bool:
        """Whether some outputs leave taps out."""
        if self.op.kind is OpKind.TRANSPOSE_CONV:
            return True
        return isinstance(self.op.attrs, Conv2dAttrs) and any(self.op.attrs.pad)

    @property
    def weights_zero(self) -> tuple[int, ...]:
        assert self.weights.qparams is not None
        return self.weights.qparams.zero_point

    def requantized(self, acc: Int64s, weights: Tensor | None = None) -> Int64s:
        """LiteRT's outputs for sums `acc` (channels, n) inside int32; `NOT_STATED` where no document states them.

        Args:
            weights: whose scales count, the layer's own by default.
        """
        weights = weights or self.weights
        if self.op.kind is not OpKind.FULLY_CONNECTED:
            scaling = layer_scaling(self.op, self.data, weights, self.output, self.channels)
            stated = _stated(acc, scaling.shift)
            return np.where(stated, scaling(np.where(stated, acc, 0)), NOT_STATED)
        assert weights.qparams is not None
        (in_scale, _), (out_scale, zero) = scale_zero(self.data), scale_zero(self.output)
        real = np.array([in_scale * scale / out_scale for scale in weights.qparams.scale])[:, None]
        stated = np.abs(acc * real) < LARGEST
        low, high = activation_range(self.op.activation, self.output)
        scaled = rounded(np.where(stated, acc, 0), real).astype(np.int64)
        return np.where(stated, np.clip(scaled + zero, low, high), NOT_STATED)


def read_filters(graph: Graph, op: Op) -> Filters | None:
    """None for other kinds of operators, and where weights or bias are computed or do not fit together."""
    if op.kind not in _KINDS or len(op.inputs) not in (2, 3) or min(op.inputs) < 0:
        return None
    data, weights, output = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[1]], graph.output_of(op)
    bias = graph.input_of(op, 2)
    axis = op.traits.weight_output_axis
    if weights.data is None or weights.qparams is None or weights.qparams.axis not in (None, axis) or not data.shape:
        return None
    if data.dtype is not DType.INT8 or output.dtype is not DType.INT8 or weights.dtype not in (DType.INT8, DType.INT4):
        return None
    if any(not -128 <= zero <= 127 for zero in weights.qparams.zero_point):
        return None  # damaged: the kernels say so
    channels = output.shape[-1] if output.shape else 0
    if len(weights.shape) != (2 if op.kind is OpKind.FULLY_CONNECTED else 4) or weights.shape[axis or 0] != channels:
        return None
    if bias is not None and (bias.data is None or bias.dtype is not DType.INT32 or bias.element_count != channels):
        return None
    reads = _reads(op, channels, data.shape[-1], weights.shape)
    if reads is None:
        return None
    values = weights.data.astype(np.int64) - weights.qparams.zero_point[0]
    if op.kind is OpKind.DEPTHWISE_CONV_2D:
        rows = np.moveaxis(values[0], 2, 0).reshape(channels, -1, 1)
    else:
        rows = values.reshape(channels, -1, weights.shape[-1])
    own = np.zeros(channels, np.int64) if bias is None or bias.data is None else bias.data.reshape(-1).astype(np.int64)
    name = f"{op.name}/bias" if bias is None else bias.name
    return Filters(op, data, weights, output, rows, reads, own, name)


def _reads(op: Op, channels: int, in_c: int, shape: tuple[int, ...]) -> NDArray[np.intp] | None:
    """As `Filters.reads`; None where the shapes do not fit."""
    if op.kind is OpKind.DEPTHWISE_CONV_2D:
        return None if shape[0] != 1 or channels % in_c else np.arange(channels)[:, None] // (channels // in_c)
    group = shape[-1]
    if group == 0 or in_c % group or channels % (in_c // group):
        return None
    if op.kind is not OpKind.CONV_2D and group != in_c:
        return None
    first = np.arange(channels) // (channels // (in_c // group)) * group
    return np.asarray(first[:, None] + np.arange(group)[None, :])


def _stated(acc: Int64s, shift: Int64s) -> Bools:
    """Where a left shift leaves `acc` inside int32."""
    left = np.maximum(shift, 0)[:, None]
    return np.asarray((acc >= -(1 << 31) >> left) & (acc <= ((1 << 31) - 1) >> left))
