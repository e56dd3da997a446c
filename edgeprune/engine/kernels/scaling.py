"""What fast kernels of layers with weights start from: LiteRT's requantization, folded biases, accumulator ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.requant import activation_range, folded, scale_zero, weight_multipliers
from edgeprune.ir import Op, Tensor

Int64s = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scaling:
    """How LiteRT requantizes the channels of one layer.

    Attributes:
        multiplier: (channels,) Q0.31, 2^30 <= m < 2^31, or 0.
        shift: (channels,) power of two; positive shifts left.
        zero_point: of the output.
        low, high: the activation's clamp, as int8 values.
        rounds_twice: after the high multiplication and again after the shift (convolutions), or only once
            (FULLY_CONNECTED).
    """

    multiplier: Int64s
    shift: Int64s
    zero_point: int
    low: int
    high: int
    rounds_twice: bool

    def of(self, channels: slice) -> Scaling:
        """The same for some channels."""
        return replace(self, multiplier=self.multiplier[channels], shift=self.shift[channels])

    def __call__(self, acc: Int64s) -> Int64s:
        """LiteRT's output for accumulators `acc` (channels, n), as int64 (channels, n)."""
        left = np.maximum(self.shift, 0)[:, None]
        right = np.maximum(-self.shift, 0)[:, None]
        if self.rounds_twice:
            high = (_wrapped(acc << left) * self.multiplier[:, None] + (1 << 30)) >> 31
            half = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
            scaled = (high + half - ((high < 0) & (right > 0))) >> right
        else:
            total = 31 + right
            scaled = ((acc << left) * self.multiplier[:, None] + (np.int64(1) << (total - 1))) >> total
        return np.asarray(np.clip(_wrapped(scaled + self.zero_point), self.low, self.high), np.int64)

    def wraps(self, acc_min: Int64s, acc_max: Int64s) -> bool:
        """Whether an accumulator from acc_min to acc_max (channels,) leaves int32 by a left shift: no step function."""
        largest = np.maximum(np.abs(acc_min), np.abs(acc_max)) << np.maximum(self.shift, 0)
        return bool((largest >= 1 << 31).any())


def _wrapped(values: Int64s) -> Int64s:
    """As int32 holds them."""
    return np.asarray(values.astype(np.int32), np.int64)


def layer_scaling(op: Op, image: Tensor, weights: Tensor, output: Tensor, channels: int) -> Scaling:
    """LiteRT's requantization of a convolution, one entry per output channel."""
    multiplier, shift = folded(weight_multipliers(image, weights, output))
    low, high = activation_range(op.activation, output)
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


def accumulator_range(weights: Int64s, bias: Int64s) -> tuple[Int64s, Int64s]:
    """Least and greatest of bias + sum(weights * q) over all int8 inputs q; weights (channels, n), bias (channels,)."""
    low = bias + np.minimum(weights * -128, weights * 127).sum(axis=1)
    high = bias + np.maximum(weights * -128, weights * 127).sum(axis=1)
    return low, high
