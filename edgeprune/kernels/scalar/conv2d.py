"""CONV_2D four pixels at a time (`firmware/include/scalar/conv2d.h`): no dilation, one group."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from edgeprune.ir import DType, Graph, Op
from edgeprune.kernels.base import KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.conv2d import Conv2d, read_conv2d
from edgeprune.kernels.dsp.layer import folded_bias, layer_scaling
from edgeprune.kernels.geometry import window_overlaps
from edgeprune.kernels.operands import params, repeat, stepped
from edgeprune.kernels.requant import activation_range, scale_zero
from edgeprune.kernels.scalar.stream import LANE_LIMIT, Words, channel_words, stream_constant
from edgeprune.target.profile import Isa

_PIXELS = 4
_STEP_BYTES = 64  # of the columns: four taps of four pixels, a word each on ARMv6-M


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.SCALAR:
        return None
    conv = read_conv2d(graph, op)
    window = conv.window
    if not (conv.groups == window.dilation_h == window.dilation_w == 1) or _is_packed(conv, optimize):
        return None
    if conv.weights.data is None:
        return _call(conv, None, window.out_c)
    rows = conv.weights.data.reshape(window.out_c, -1).astype(np.int64)
    scaling = layer_scaling(conv.op, conv.image, conv.weights, conv.output, window.out_c)
    words = channel_words(rows, folded_bias(rows, conv.bias, conv.image), scaling, LANE_LIMIT)
    return None if words is None else _call(conv, words, window.out_c)


def _is_packed(conv: Conv2d, optimize: Optimize) -> bool:
    """int4 weights would take twice their flash here."""
    return conv.weights.dtype is DType.INT4 and optimize is Optimize.SIZE


def _call(conv: Conv2d, words: Words | None, out_pixel: int) -> KernelCall:
    """`out_pixel`: bytes from one pixel of the output to the next."""
    window = conv.window
    taps = window.kernel_h * window.kernel_w * window.in_c
    steps = -(-taps // 4)

    def definitions(s: Symbols) -> str:
        low, high = activation_range(conv.op.attrs["activation"], conv.output)
        fields = {"stream": s.constant("stream")} | _geometry(conv) | {
            "out_pixel": out_pixel, "steps": steps, "out_min": low, "out_max": high,
            "in_zero": scale_zero(conv.image)[1],
        }  # fmt: skip
        return params(s, "ep_conv2d_scalar_t", fields)

    def emit(s: Symbols) -> str:
        return repeat(
            window.batches,
            lambda n: (
                f"ep_conv2d_scalar(&{s.layer}_params, {stepped(s.input(0), window.in_len, n)}, "
                f"{stepped(s.output(0), window.out_len, n)}, {s.scratch()});"
            ),
        )

    def spread(pixel_bytes: int) -> KernelCall | None:
        return _call(conv, words, pixel_bytes) if pixel_bytes <= 0xFFFF else None

    return KernelCall(
        function="ep_conv2d_scalar",
        emit=emit,
        sources=("scalar/columns.c", "scalar/conv2d.c", "scalar/tile.c"),
        headers=("scalar/conv2d.h",),
        constants=(stream_constant(window.out_c, taps, words),),
        scratch_bytes=_STEP_BYTES * steps + (_PIXELS * window.out_c if window.out_h * window.out_w % _PIXELS else 0),
        overlaps=window_overlaps(replace(window, out_c=out_pixel), channels_in_step=False),
        spread=spread if window.batches == 1 else None,
        work=_work(conv, taps),
        definitions=definitions,
    )


def _work(conv: Conv2d, taps: int) -> Work:
    window, sizes = conv.window, _geometry(conv)
    out_h, out_w = (int(str(sizes[name])) for name in ("out_h", "out_w"))
    alone = _alone(
        out_h, out_w, int(str(sizes["in_h"])), int(str(sizes["in_w"])), window.kernel_h, window.kernel_w,
        window.stride_h, window.stride_w, window.pad[0], window.pad[2],
    )  # fmt: skip
    tiles = window.batches * -(-out_h * out_w // _PIXELS)
    features = {
        "tiles": tiles,
        "channels": tiles * window.out_c,
        "channel_steps": tiles * window.out_c * -(-taps // 4),
        "together_taps": (tiles * _PIXELS - window.batches * alone) * taps,
        "alone_rows": window.batches * alone * window.kernel_h,
        "alone_taps": window.batches * alone * taps,
    }
    return Work(macs=conv.macs, outputs=window.batches * window.out_len, features=features)


@lru_cache(maxsize=1024)
def _alone(
    out_h: int, out_w: int, in_h: int, in_w: int, kernel_h: int, kernel_w: int,
    stride_h: int, stride_w: int, pad_top: int, pad_left: int,
) -> int:  # fmt: skip
    """Pixels whose columns are filled one by one: their tile leaves the image or spans two rows."""
    alone = 0
    for first in range(0, out_h * out_w, _PIXELS):
        count = min(_PIXELS, out_h * out_w - first)
        y, x = divmod(first, out_w)
        top, left = y * stride_h - pad_top, x * stride_w - pad_left
        inside = top >= 0 and left >= 0 and top + kernel_h <= in_h
        inside = inside and left + (_PIXELS - 1) * stride_w + kernel_w <= in_w
        if count < _PIXELS or x + _PIXELS > out_w or not inside:
            alone += count
    return alone


def _geometry(conv: Conv2d) -> dict[str, object]:
    """Sizes in pixels; a 1x1 convolution without strides and pads is one long row, so that all tiles are full."""
    window = conv.window
    pixels = window.out_h * window.out_w
    sizes = {
        "in_h": window.in_h, "in_w": window.in_w, "in_c": window.in_c,
        "out_h": window.out_h, "out_w": window.out_w, "out_c": window.out_c,
        "kernel_h": window.kernel_h, "kernel_w": window.kernel_w,
        "stride_h": window.stride_h, "stride_w": window.stride_w,
        "pad_top": window.pad[0], "pad_left": window.pad[2],
    }  # fmt: skip
    is_one_row = window.kernel_h == window.kernel_w == window.stride_h == window.stride_w == 1 and not any(window.pad)
    if is_one_row and pixels <= 0xFFFF:
        sizes |= {"in_h": 1, "in_w": pixels, "out_h": 1, "out_w": pixels}
    return dict(sizes)
