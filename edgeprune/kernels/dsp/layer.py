"""What convolutions of every kind hand to the DSP kernels: integer rows, biases with the zero point, the scaling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprune.ir import Activation, Op, Tensor
from edgeprune.kernels.dsp.requant import Scaling
from edgeprune.kernels.requant import activation_range, folded, scale_zero, weight_multipliers

Int64s = NDArray[np.int64]

USUAL_SHIFT = 2  # what a layer without values is counted on to need


def layer_scaling(op: Op, image: Tensor, weights: Tensor, output: Tensor, channels: int) -> Scaling:
    """LiteRT's requantization of a convolution, one entry per output channel."""
    multiplier, shift = folded(weight_multipliers(image, weights, output))
    low, high = activation_range(op.attrs["activation"], output)
    return Scaling(
        multiplier=np.broadcast_to(multiplier, channels).astype(np.int64),
        shift=np.broadcast_to(shift, channels).astype(np.int64),
        zero_point=scale_zero(output)[1],
        low=low,
        high=high,
        rounds_twice=True,
    )


def folded_bias(rows: Int64s, bias: Tensor | None, image: Tensor) -> Int64s:
    """bias - zero point * sum of the channel's weights; rows (channels, taps) -> (channels,)."""
    own = np.zeros(len(rows), np.int64) if bias is None or bias.data is None else bias.data.reshape(-1).astype(np.int64)
    return np.asarray(own - scale_zero(image)[1] * rows.sum(axis=1), np.int64)


def likely_two(op: Op, output: Tensor) -> bool:
    """Whether a layer without values may be counted on to requantize in two instructions: all with a ReLU do."""
    return op.attrs["activation"] is not Activation.NONE and (
        output.qparams is None or activation_range(op.attrs["activation"], output) == (-128, 127)
    )
