"""CONV_2D four pixels at a time (`firmware/include/vector/conv2d.h`): one group."""

from __future__ import annotations

from dataclasses import replace

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.geometry import window_overlaps
from edgeprune.engine.kernels.linear.conv2d import Conv2d, read_conv2d
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.engine.kernels.vector.arrays import (
    channel_tables,
    padded,
    scale_fields,
    suits,
    weight_rows,
    window_fields,
)
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_PIXELS = 4
_SOURCES = ("vector/conv2d.c", "vector/dot.c", "vector/finish.c")


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    conv = read_conv2d(graph, op)
    window = conv.window
    taps = window.kernel_h * window.kernel_w * window.in_c
    if conv.groups != 1 or not suits(conv.weights, optimize, taps):
        return None
    return _call(conv, taps, window.out_c)


def _call(conv: Conv2d, taps: int, out_pixel: int) -> KernelCall:
    """`out_pixel`: bytes from one pixel of the output to the next."""
    window, has_data = conv.window, conv.weights.data is not None
    channels, row_taps = padded(window.out_c, taps)
    is_direct = window.as_one_row.in_h == 1 and window.kernel_h * window.kernel_w == 1 and row_taps == taps
    is_direct = is_direct and window.stride_h == window.stride_w == 1 and not any(window.pad)

    def definitions(s: Symbols) -> str:
        zero = scale_zero(conv.output)[1]
        fields = {
            "weights": s.constant("weights"),
            "scales": scale_fields(s, zero, *activation_range(conv.op.activation, conv.output)),
            "channels": channels, "taps": row_taps, "out_c": window.out_c, "out_pixel": out_pixel,
            "is_direct": int(is_direct),
        }  # fmt: skip
        shared = window_fields(window, scale_zero(conv.image)[1])
        return params(s, "ep_conv2d_vector_t", fields | shared)

    def spread(pixel_bytes: int) -> KernelCall | None:
        return _call(conv, taps, pixel_bytes) if pixel_bytes <= 0xFFFF else None

    return KernelCall(
        function="ep_conv2d_vector",
        emit=lambda s: image_calls(s, "ep_conv2d_vector", conv.image, conv.output, s.scratch()),
        sources=_SOURCES,
        headers=("vector/conv2d.h",),
        constants=(
            weight_rows((lambda: conv.rows) if has_data else None, window.out_c, taps),
            *channel_tables(
                (lambda: conv.folded_bias) if has_data else None,
                (lambda: conv.scaling) if has_data else None,
                window.out_c,
            ),
        ),
        scratch_bytes=_PIXELS * (4 * channels + (0 if is_direct else row_taps)),
        overlaps=window_overlaps(replace(window, out_c=out_pixel), channels_in_step=False),
        spread=spread if window.batches == 1 else None,
        work=Work(macs=conv.macs, outputs=window.batches * window.out_len),
        definitions=definitions,
    )
