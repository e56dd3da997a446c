"""Real factors as the integer pairs LiteRT works with, and what activations and accumulators may reach.

Sources: https://arxiv.org/abs/1712.05877 (section 2.2); https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec.
Where LiteRT computes in float32 or float64 matters to the last bit; each function says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, frexp, isfinite

import numpy as np

from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import Activation, DType, Tensor

SCALE_MIN, SCALE_MAX = 2.0**-40, 2.0**40
"""What float32 products and quotients of three scales can hold; real scales are nowhere near."""


def quantize_multiplier(real: float) -> tuple[int, int]:
    """(multiplier, shift) with `real ~ multiplier * 2**(shift - 31)`, |multiplier| in [2**30, 2**31) or 0.

    Raises:
        ModelError: at 2**30 and above, where no shift is left.
    """
    if not isfinite(real):
        raise ModelError(f"a scale factor of {real}", "check the model's scales")
    if real == 0.0:
        return 0, 0
    fraction, shift = frexp(abs(real))
    multiplier = floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier, shift = 1 << 30, shift + 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        raise ModelError(f"a scale factor of {real:g} cannot be an int32 multiplier", "check the model's scales")
    return (multiplier if real > 0 else -multiplier), shift


def scale_zero(tensor: Tensor) -> tuple[float, int]:
    """Scale and zero point of a tensor quantized as a whole (the scale is a float32 value)."""
    if tensor.qparams is None or len(tensor.qparams.scale) != 1:
        raise ModelError(f"tensor {tensor.name!r} needs one scale and zero point", "quantize the model to full int8")
    scale, zero_point = tensor.qparams.scale[0], tensor.qparams.zero_point[0]
    low, high = limits(tensor.dtype)
    if not SCALE_MIN <= scale <= SCALE_MAX or not low <= zero_point <= high:
        raise ModelError(f"tensor {tensor.name!r} has scale {scale:g} and zero point {zero_point}")
    return scale, zero_point


def limits(dtype: DType) -> tuple[int, int]:
    """Least and greatest value of an integer type."""
    bits = {DType.INT4: 4, DType.INT8: 8, DType.INT16: 16, DType.INT32: 32}.get(dtype)
    if bits is None:
        raise UnsupportedOp(f"{dtype} where a signed integer is needed", "quantize the model to full int8")
    return -(1 << bits - 1), (1 << bits - 1) - 1


def activation_range(activation: Activation, output: Tensor) -> tuple[int, int]:
    """Least and greatest output value a fused activation lets through; the division is done in float32."""
    scale, zero = scale_zero(output)
    low, high = limits(output.dtype)

    def quantized(real: float) -> int:
        steps = float(np.float32(real) / np.float32(scale))
        return zero + int(np.copysign(floor(abs(steps) + 0.5), steps)) if abs(steps) < 1 << 30 else 1 << 30

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


def check_accumulator(name: str, rows: np.ndarray, bias: np.ndarray | None) -> None:
    """Raises ModelError where a sum of `rows` (outputs, taps) times int8 inputs could leave int32."""
    worst = np.abs(rows.astype(np.int64)).sum(axis=1) * 255
    if bias is not None:
        worst = worst + np.abs(bias.astype(np.int64))
    if worst.size and int(worst.max()) >= 1 << 31:
        raise ModelError(f"{name!r}: its accumulator can reach {int(worst.max()):,}, beyond int32")


def folded(shifts: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs as two arrays: multipliers int32, shifts int8."""
    return np.array([m for m, _ in shifts], np.int32), np.array([s for _, s in shifts], np.int8)
