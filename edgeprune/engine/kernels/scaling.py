"""What fast kernels of layers with weights start from: LiteRT's requantization, folded biases, accumulator ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.requant import activation_range, scale_zero, weight_multipliers
from edgeprune.ir import Op, Tensor

Int64s = NDArray[np.int64]

_INT32_END = 1 << 31
_MOST_ZERO_POINT = 1 << 8
_BEYOND = np.int64(1) << 40  # no accumulator


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

    def first_reaching(self, values: Int64s) -> Int64s:
        """Where the step function that `__call__` is, but for its clamp, reaches int8 `values` (n,).

        Every step of LiteRT's arithmetic is non-decreasing and is undone in turn, in integers: nothing is searched.

        Returns:
            (channels, n) least accumulators whose output is that value or more; below int32 where all inside are,
            above where none is. Accumulators that wrap (`wraps`) do not count.
        """
        left, right = np.maximum(self.shift, 0)[:, None], np.maximum(-self.shift, 0)[:, None]
        scaled = values[None, :] - self.zero_point
        if self.rounds_twice:
            # (high + half - (high < 0)) >> right >= scaled, then (product + 2^30) >> 31 >= high
            high = np.where(right > 0, (2 * scaled - 1) << np.maximum(right - 1, 0), scaled)
            high += (high < 0) & (right > 0)
            product = (np.clip(high, -_INT32_END, _INT32_END) << 31) - (1 << 30)
        else:
            most = np.int64(1) << (31 - right)  # beyond it no product reaches
            product = (2 * np.clip(scaled, -most, most + 1) - 1) << (30 + right)
        factor = self.multiplier[:, None]
        assert self.multiplier.min(initial=0) >= 0, "a falling function"
        first = -((-product // np.maximum(factor, 1)) >> left)
        return np.where(factor > 0, first, np.where(scaled > 0, _BEYOND, -_BEYOND))

    def wraps(self, acc_min: Int64s, acc_max: Int64s) -> bool:
        """Whether an accumulator from acc_min to acc_max (channels,) leaves int32, shifted left or with the zero point.

        Then the outputs are no step function.
        """
        largest = np.maximum(np.abs(acc_min), np.abs(acc_max)) << np.maximum(self.shift, 0)
        return bool((largest >= _INT32_END - _MOST_ZERO_POINT).any())


def _wrapped(values: Int64s) -> Int64s:
    """As int32 holds them."""
    return np.asarray(values.astype(np.int32), np.int64)


def layer_scaling(op: Op, image: Tensor, weights: Tensor, output: Tensor, channels: int) -> Scaling:
    """LiteRT's requantization of a convolution, one entry per output channel."""
    pairs = np.array(weight_multipliers(image, weights, output), np.int64)
    multiplier, shift = (pairs if len(pairs) == channels else np.broadcast_to(pairs, (channels, 2))).T
    low, high = activation_range(op.activation, output)
    return Scaling(
        multiplier=multiplier,
        shift=shift,
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
