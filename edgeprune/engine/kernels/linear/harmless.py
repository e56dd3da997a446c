"""Channels written so that they need no weights: a bias and a usual scale alone give their one value.

Fast kernels choose their arithmetic for a layer as a whole, by the range of its sums and by its factors. A channel
that gives one value whatever comes in does not count there once it is written like this.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.engine.kernels.linear.filters import Bools, Filters
from edgeprune.engine.kernels.requant import scale_zero
from edgeprune.engine.kernels.scaling import Int64s
from edgeprune.ir import DType, Tensor

_USUAL_FACTOR = 2.0**-8
_NEIGHBOURS = 2  # sums beside the ideal one that are tried
_FAR = float((1 << 31) - 1 - _NEIGHBOURS)


def harmless(filters: Filters, constant: Bools, value: Int64s, reached: Int64s) -> tuple[Tensor, Tensor] | None:
    """Weights and bias that give the same bytes; None where those of the layer are harmless already.

    Args:
        constant, value: (channels,) which channels are constant, and what they are then.
        reached: (channels,) a sum that each one reaches.
    """
    weights, axis = filters.weights, filters.op.traits.weight_output_axis or 0
    assert weights.qparams is not None and weights.data is not None
    usual = _with_scale(filters, constant)
    sums, solved = _sums(filters, usual, value, reached)
    if not solved[constant].all():  # a value between two steps of the usual scale: the channel keeps its own
        usual = _with_scale(filters, constant & solved)
        own_sums, solved = _sums(filters, usual, value, reached)
        sums = np.where(solved, own_sums, sums)
    gone = constant & solved
    bias = np.where(gone, sums, filters.bias)
    data = weights.data.copy()
    np.moveaxis(data, axis, 0)[gone] = weights.qparams.zero_point[0]
    if usual.qparams == weights.qparams and (data == weights.data).all() and (bias == filters.bias).all():
        return None
    made = Tensor(filters.bias_name, bias.shape, DType.INT32, data=bias.astype(np.int32), is_constant=True)
    return replace(usual, data=data), made


def _with_scale(filters: Filters, channels: Bools) -> Tensor:
    """The weights with a usual scale for some channels: the median of the others'."""
    qparams = filters.weights.qparams
    assert qparams is not None
    scales = np.array(qparams.scale)
    if len(scales) < len(channels) and not channels.all():
        return filters.weights
    others = np.sort(scales[~channels]) if not channels.all() else np.zeros(0)
    scale = others[len(others) // 2] if len(others) else _usual_scale(filters)
    chosen = np.where(channels, scale, scales) if len(scales) == len(channels) else np.array([scale])
    return replace(filters.weights, qparams=replace(qparams, scale=tuple(chosen.tolist())))


def _usual_scale(filters: Filters) -> float:
    """Of a layer without live channels."""
    ratio = scale_zero(filters.output)[0] / scale_zero(filters.data)[0]
    return float(np.float32(_USUAL_FACTOR * ratio))


def _sums(filters: Filters, weights: Tensor, value: Int64s, reached: Int64s) -> tuple[Int64s, Bools]:
    """(channels,) sums that are requantized to `value` with the scales of `weights`, and whether there are such."""
    assert weights.qparams is not None
    out_scale, zero = scale_zero(filters.output)
    factor = scale_zero(filters.data)[0] * np.array(weights.qparams.scale) / out_scale
    ideal = np.round(np.clip((value - zero) / np.maximum(factor, 1e-30), -_FAR, _FAR)).astype(np.int64)
    near = ideal[:, None] + np.array(sorted(range(-_NEIGHBOURS, _NEIGHBOURS + 1), key=abs))[None, :]
    tried = np.concatenate([near, reached[:, None]], axis=1)
    good = filters.requantized(tried, weights) == value[:, None]
    best = good.argmax(axis=1)
    rows = np.arange(len(value))
    return tried[rows, best], good[rows, best]
