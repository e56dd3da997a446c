"""Weights of a layer become int8 (or int4) steps of one scale per output channel, its bias int32 (or int64)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.errors import ModelError
from edgeprune.ir import DType, Op, QParams, Tensor
from edgeprune.quantize.specification import INT4_WEIGHTS

LEAST_SCALE = 2.0**-30
_LIMITS = {8: 127, 4: 7}
_MOST_BIAS = 1 << 21  # steps


@dataclass(frozen=True)
class Bits:
    """activations: 8 or 16; weights: 8 or 4, where the layer's kind has int4 weights."""

    activations: int = 8
    weights: int = 8

    @property
    def dtype(self) -> DType:
        return DType.INT16 if self.activations == 16 else DType.INT8

    def of_weights(self, op: Op) -> int:
        return self.weights if op.kind in INT4_WEIGHTS else 8


INT8 = Bits()


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """A layer whose weights are to be rounded.

    Attributes:
        op: of the graph.
        steps: float64, its weights in steps of their scales, in the weights' shape.
        scales: (output channels,) float32.
        limit: largest step.
        in_scale: of the layer's input.
    """

    op: Op
    steps: np.ndarray
    scales: np.ndarray
    limit: int
    in_scale: float

    @property
    def nearest(self) -> np.ndarray:
        clipped: np.ndarray = np.clip(np.round(self.steps), -self.limit, self.limit)
        return clipped


@dataclass(frozen=True, eq=False)
class RoundedLayer:
    """steps: whole numbers in the weights' shape; bias_change: (output channels,), real values to add to the bias."""

    steps: np.ndarray
    bias_change: np.ndarray


Rounding = Callable[[FloatLayer], RoundedLayer]


def to_nearest(layer: FloatLayer) -> RoundedLayer:
    return RoundedLayer(layer.nearest, np.zeros(len(layer.scales)))


def quantize_layer(op: Op, tensors: list[Tensor], bits: Bits, rounding: Rounding) -> None:
    """Puts quantized weights and bias in the place of the float ones; the layer's input has its scale already.

    Raises:
        ModelError: a weight that is not finite.
    """
    axis = op.traits.weight_output_axis
    assert axis is not None
    data, weight = tensors[op.inputs[0]], tensors[op.inputs[1]]
    assert data.qparams is not None and weight.data is not None
    if not np.isfinite(weight.data).all():
        raise ModelError(f"{op.name}: its weights are not finite", "the training diverged: train again, more slowly")
    in_scale = data.qparams.scale[0]
    bias = tensors[op.inputs[2]] if len(op.inputs) > 2 and op.inputs[2] >= 0 else None
    width = bits.of_weights(op)
    scales = weight_scales(weight.data, axis, width)
    if bias is not None and bias.data is not None:
        scales = _wide_enough_for(bias.data, in_scale, scales, bits)
    along = [-1 if k == axis else 1 for k in range(weight.data.ndim)]
    steps = weight.data.astype(np.float64) / scales.reshape(along)
    rounded = rounding(FloatLayer(op, steps, scales, _LIMITS[width], in_scale))
    qparams = QParams(tuple(float(s) for s in scales), (0,) * len(scales), axis)
    dtype = DType.INT4 if width == 4 else DType.INT8
    tensors[op.inputs[1]] = replace(weight, dtype=dtype, qparams=qparams, data=rounded.steps.astype(np.int8))
    if bias is not None and bias.data is not None:
        tensors[op.inputs[2]] = _quantized_bias(bias, rounded.bias_change, in_scale, scales, bits)


def quantize_bias_beside(op: Op, first: Op, floats: Sequence[Tensor], tensors: list[Tensor], bits: Bits) -> None:
    """The bias of a layer whose weights were quantized with `first`, which shares them; corrected as that one's was.

    Args:
        floats: what the tensors were.
    """
    own, others = op.inputs[2], first.inputs[2]
    bias, data, weight, quantized = tensors[own], tensors[op.inputs[0]], tensors[op.inputs[1]], tensors[others]
    if bias.dtype is not DType.FLOAT32 or bias.data is None or quantized.data is None:
        return
    assert data.qparams is not None and weight.qparams is not None and quantized.qparams is not None
    before = floats[others].data
    assert before is not None
    change = quantized.data * np.array(quantized.qparams.scale) - before
    scales = np.array(weight.qparams.scale, np.float32)
    tensors[own] = _quantized_bias(bias, change, data.qparams.scale[0], scales, bits)


def weight_scales(weights: np.ndarray, axis: int, bits: int = 8) -> np.ndarray:
    """(channels,) float32: the largest weight of each output channel falls on the last step."""
    others = tuple(k for k in range(weights.ndim) if k != axis)
    reach = np.abs(weights.astype(np.float64)).max(axis=others, initial=0)
    scales: np.ndarray = np.maximum(reach / _LIMITS[bits], LEAST_SCALE).astype(np.float32)
    return scales


def _wide_enough_for(bias: np.ndarray, in_scale: float, scales: np.ndarray, bits: Bits) -> np.ndarray:
    """Scales at which no bias has more than so many steps; what is so small beside its bias is a constant in all but
    name, and kernels that hold two accumulators in a word have room for it."""
    if bits.activations == 16:
        return scales
    least = np.abs(bias.astype(np.float64)) / (in_scale * _MOST_BIAS)
    wide: np.ndarray = np.maximum(scales, least.astype(np.float32))
    return wide


def _quantized_bias(bias: Tensor, change: np.ndarray, in_scale: float, scales: np.ndarray, bits: Bits) -> Tensor:
    assert bias.data is not None
    own = (np.float32(in_scale) * scales).astype(np.float32)
    steps = np.round((bias.data + change) / own.astype(np.float64))
    dtype, kind = (DType.INT64, np.int64) if bits.activations == 16 else (DType.INT32, np.int32)
    qparams = QParams(tuple(float(s) for s in own), (0,) * len(own), 0)
    return replace(bias, dtype=dtype, qparams=qparams, data=steps.astype(kind))
