"""Layers with weights over int16 activations: sums of 64 bits, and what becomes of them (`ep_sums16.h`).

Where the bias is int32 the sums wrap around in 32 bits and are requantized as int8's are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.geometry import inside_taps, window_overlaps
from edgeprune.engine.kernels.linear.window_layer import WindowLayer
from edgeprune.engine.kernels.operands import as_constant, image_calls, params, table
from edgeprune.engine.kernels.requant import CALIBRATE, activation_range, scale_zero, weight_multipliers
from edgeprune.errors import ModelError
from edgeprune.ir import DType, Op, OpKind, Tensor


def is_wide(bias: Tensor | None) -> bool:
    return bias is None or bias.dtype is DType.INT64


def reduced(multiplier: int, shift: int) -> tuple[int, int]:
    """(multiplier of 15 bits, right shift) that LiteRT multiplies sums of 64 bits with.

    Raises:
        ModelError: a factor of 2^14 and above, where no shift is left.
    """
    if shift > 14:
        raise ModelError(f"a scale factor of 2^{shift - 1} or more, beyond what LiteRT's 64-bit sums take", CALIBRATE)
    top = 0x7FFF if multiplier >= 0x7FFF0000 else (multiplier + (1 << 15)) >> 16
    return top, 15 - shift


def wide_bias(bias: Tensor) -> Constant:
    """As int64, whichever it is in the file."""
    data = bias.data
    values = None if data is None else lambda: data.reshape(-1).astype(np.int64)
    return Constant("bias", "int64_t", bias.element_count, 8, 8, values=values)


def factors(image: Tensor, weights: Tensor, bias: Tensor | None, output: Tensor) -> list[tuple[int, int]]:
    """(multiplier, shift) of each weight scale, as the kernels take them."""
    scale_zero(image), scale_zero(output)  # refuses what is not symmetric
    pairs = weight_multipliers(image, weights, output)
    return [reduced(*pair) for pair in pairs] if is_wide(bias) else pairs


def sums_constants(
    image: Tensor, weights: Tensor, bias: Tensor | None, output: Tensor, out_c: int
) -> tuple[Constant, ...]:
    """`bias`, `multiplier` and `shift`."""
    count = len(weights.qparams.scale) if weights.qparams else out_c

    def part(index: int) -> Callable[[], np.ndarray] | None:
        if weights.data is None:
            return None
        return lambda: np.array([pair[index] for pair in factors(image, weights, bias, output)], np.int32)

    tables = (table("multiplier", "int32_t", count, part(0)), table("shift", "int8_t", count, part(1)))
    return tables if bias is None else (wide_bias(bias), *tables)


def sums_fields(s: Symbols, op: Op, weights: Tensor, bias: Tensor | None, output: Tensor) -> dict[str, object]:
    """The C fields of an `ep_sums16_t`."""
    low, high = activation_range(op.activation, output)
    per_channel = weights.qparams is not None and len(weights.qparams.scale) > 1
    return {
        "bias": "NULL" if bias is None else s.constant("bias"),
        "multiplier": s.constant("multiplier"), "shift": s.constant("shift"),
        "scale_step": int(per_channel), "is_wide": int(is_wide(bias)), "out_min": low, "out_max": high,
    }  # fmt: skip


def sums_text(s: Symbols, op: Op, weights: Tensor, bias: Tensor | None, output: Tensor) -> str:
    """C text of the layer's `ep_sums16_t`."""
    return params(s, "ep_sums16_t", sums_fields(s, op, weights, bias, output), "sums")


def window_call16(layer: WindowLayer, group_in_c: int, group_out_c: int) -> KernelCall:
    """The plain C of convolutions and depthwise ones, which are convolutions in groups of one channel."""
    op, window, weights = layer.op, layer.window, layer.weights
    is_depthwise = op.kind is OpKind.DEPTHWISE_CONV_2D
    constants = sums_constants(layer.image, weights, layer.bias, layer.output, window.out_c)

    def filters_first() -> np.ndarray:
        assert weights.data is not None
        return np.ascontiguousarray(np.moveaxis(weights.data[0], 2, 0)).reshape(-1)

    def definitions(s: Symbols) -> str:
        fields = {"weights": s.constant("weights")} | window.fields() | {
            "in_c": window.in_c, "out_c": window.out_c, "group_in_c": group_in_c, "group_out_c": group_out_c,
            "kernel_h": window.kernel_h, "kernel_w": window.kernel_w,
            "dilation_h": window.dilation_h, "dilation_w": window.dilation_w,
        }  # fmt: skip
        return params(s, "ep_conv2d_t", fields) + sums_text(s, op, weights, layer.bias, layer.output)

    return KernelCall(
        function="ep_conv2d_int16_ref",
        emit=lambda s: image_calls(s, "ep_conv2d_int16_ref", layer.image, layer.output, f"&{s.layer}_sums"),
        sources=("ref/conv2d_int16.c",),
        headers=("ep_conv2d.h",),
        constants=(as_constant("weights", weights, filters_first if is_depthwise else None), *constants),
        overlaps=window_overlaps(window, is_depthwise, element_bytes=2),
        work=Work(
            macs=layer.macs, outputs=window.batches * window.out_len,
            features=inside_taps(window, filters=window.out_c, tap_macs=layer.filter_c),
        ),
        definitions=definitions,
    )  # fmt: skip
