"""Real factors as the integer pairs LiteRT works with, and what activations and accumulators may reach.

Sources: https://arxiv.org/abs/1712.05877 (section 2.2); https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec.
Where LiteRT computes in float32 or float64 matters to the last bit; each function states which.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, frexp, isfinite

import numpy as np
from numpy.typing import NDArray

from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import Activation, DType, Tensor

SCALE_MIN, SCALE_MAX = 2.0**-40, 2.0**40
"""What float32 products and quotients of three scales can hold; real scales are nowhere near."""

CALIBRATE = "scales come from the ranges seen in calibration: quantize the model again, calibrated on real samples"


def quantize_multiplier(real: float) -> tuple[int, int]:
    """(multiplier, shift) with `real ~ multiplier * 2**(shift - 31)`, |multiplier| in [2**30, 2**31) or 0.

    Raises:
        ModelError: at 2**30 and above, where no shift is left.
    """
    if not isfinite(real):
        raise ModelError(f"two tensors' scales differ by a factor of {real}", CALIBRATE)
    if real == 0.0:
        return 0, 0
    fraction, shift = frexp(abs(real))
    multiplier = floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier, shift = 1 << 30, shift + 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        raise ModelError(
            f"a scale factor of {real:g}, beyond the {1 << 30:,} that LiteRT's int32 multiplier and shift reach",
            CALIBRATE,
        )
    return (multiplier if real > 0 else -multiplier), shift


def weight_scales(tensor: Tensor) -> tuple[float, ...]:
    """One, or one a channel.

    Raises:
        ModelError: none.
    """
    if tensor.qparams is None:
        raise ModelError(f"tensor {tensor.name!r} has no scale", "quantize the model to full int8")
    return tensor.qparams.scale


def scale_zero(tensor: Tensor) -> tuple[float, int]:
    """Scale and zero point of a tensor quantized as a whole (the scale is a float32 value).

    Raises:
        ModelError: none, several, or numbers that no calibration gives.
        UnsupportedOp: int16 that is not symmetric.
    """
    if tensor.qparams is None or len(tensor.qparams.scale) != 1:
        raise ModelError(f"tensor {tensor.name!r} needs one scale and zero point", "quantize the model to full int8")
    scale, zero_point = tensor.qparams.scale[0], tensor.qparams.zero_point[0]
    low, high = limits(tensor.dtype)
    if not SCALE_MIN <= scale <= SCALE_MAX:
        raise ModelError(
            f"tensor {tensor.name!r} has a scale of {scale:g}; factors between tensors hold in float32 for scales from "
            f"{SCALE_MIN:.0e} to {SCALE_MAX:.0e}",
            CALIBRATE,
        )
    if not low <= zero_point <= high:
        raise ModelError(
            f"tensor {tensor.name!r} has a zero point of {zero_point}, outside {tensor.dtype}'s {low} to {high}",
            "the file is damaged, or of another converter's mistake: quantize the model again",
        )
    if tensor.dtype is DType.INT16 and zero_point:
        raise UnsupportedOp(
            f"tensor {tensor.name!r} is int16 with a zero point of {zero_point}; LiteRT's int16 is symmetric",
            "quantize the model again: 16x8 quantization has zero points of 0",
        )
    return scale, zero_point


def limits(dtype: DType) -> tuple[int, int]:
    """Least and greatest value of an integer type."""
    if dtype is DType.UINT8:
        return 0, 255
    bits = {DType.INT4: 4, DType.INT8: 8, DType.INT16: 16, DType.INT32: 32}.get(dtype)
    if bits is None:
        raise UnsupportedOp(f"{dtype} where an integer is needed", "quantize the model to full int8")
    return -(1 << bits - 1), (1 << bits - 1) - 1


def activation_range(activation: Activation, output: Tensor) -> tuple[int, int]:
    """Least and greatest output value a fused activation lets through; the division is done in float32."""
    scale, zero = scale_zero(output)
    low, high = limits(output.dtype)

    def quantized(real: float) -> int:
        steps = float(np.float32(real) / np.float32(scale))
        if abs(steps) >= 1 << 31:
            raise ModelError(
                f"tensor {output.name!r} has a scale of {scale:g}: {activation} ends {abs(steps):.1e} steps from zero, "
                "beyond int32, where LiteRT gives up",
                CALIBRATE,
            )
        return zero + int(np.copysign(floor(abs(steps) + 0.5), steps))

    if activation is Activation.RELU:
        return max(low, quantized(0.0)), high
    if activation is Activation.RELU6:
        return max(low, quantized(0.0)), min(high, quantized(6.0))
    if activation is Activation.RELU_N1_TO_1:
        return max(low, quantized(-1.0)), min(high, quantized(1.0))
    return low, high


def weight_multipliers(input_: Tensor, weights: Tensor, output: Tensor) -> list[tuple[int, int]]:
    """One pair per weight scale: input scale * weight scale / output scale, in float64."""
    if weights.qparams is None:
        raise ModelError(f"the weights {weights.name!r} are not quantized", "quantize the model to full int8")
    in_scale, out_scale = scale_zero(input_)[0], scale_zero(output)[0]
    return [quantize_multiplier(in_scale * scale / out_scale) for scale in weights.qparams.scale]


def may_wrap(rows: np.ndarray, bias: np.ndarray | None) -> NDArray[np.bool_]:
    """(outputs,) where a sum of `rows` (outputs, taps) times int8 inputs could leave int32, as LiteRT lets it."""
    worst = np.abs(rows.astype(np.int64)).sum(axis=1) * 255
    if bias is not None:
        worst = worst + np.abs(bias.reshape(-1).astype(np.int64))
    return np.asarray(worst >= 1 << 31)


def check_accumulator(name: str, rows: np.ndarray, bias: np.ndarray | None) -> None:
    """Raises ModelError where a sum could leave int32 in a kernel that does not wrap around as LiteRT does."""
    wraps = may_wrap(rows, bias)
    if wraps.any():
        raise ModelError(
            f"{name!r}: the accumulator of row {int(wraps.argmax())} can reach beyond int32", "make the layer narrower"
        )


def folded(shifts: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs as two arrays: multipliers int32, shifts int8."""
    return np.array([m for m, _ in shifts], np.int32), np.array([s for _, s in shifts], np.int8)
