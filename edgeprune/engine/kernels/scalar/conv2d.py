"""CONV_2D four pixels at a time (`firmware/include/scalar/conv2d.h`): no dilation, one group."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.geometry import Window, window_overlaps
from edgeprune.engine.kernels.linear.conv2d import Conv2d, read_conv2d
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.engine.kernels.scalar.stream import LANE_LIMIT, Words, channel_words, stream_constant
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op

_PIXELS = 4
_STEP_BYTES = 64  # of the columns: four taps of four pixels, a word each on ARMv6-M


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.SCALAR:
        return None
    conv = read_conv2d(graph, op)
    window = conv.window
    if not conv.is_plain or _is_packed(conv, optimize):
        return None
    if conv.weights.data is None:
        return _call(conv, None, window.out_c)
    words = channel_words(conv.rows, conv.folded_bias, conv.scaling, LANE_LIMIT)
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
        low, high = activation_range(conv.op.activation, conv.output)
        fields = {"stream": s.constant("stream")} | _geometry(window.as_one_row) | {
            "out_pixel": out_pixel, "steps": steps, "out_min": low, "out_max": high,
            "in_zero": scale_zero(conv.image)[1],
        }  # fmt: skip
        return params(s, "ep_conv2d_scalar_t", fields)

    def spread(pixel_bytes: int) -> KernelCall | None:
        return _call(conv, words, pixel_bytes) if pixel_bytes <= 0xFFFF else None

    return KernelCall(
        function="ep_conv2d_scalar",
        emit=lambda s: image_calls(s, "ep_conv2d_scalar", conv.image, conv.output, s.scratch()),
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
    window = conv.window
    alone = _alone(window.as_one_row)
    tiles = window.batches * -(-window.out_h * window.out_w // _PIXELS)
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
def _alone(window: Window) -> int:
    """Pixels whose columns are filled one by one: their tile leaves the image or spans two rows."""
    alone = 0
    for first in range(0, window.out_h * window.out_w, _PIXELS):
        count = min(_PIXELS, window.out_h * window.out_w - first)
        y, x = divmod(first, window.out_w)
        top, left = y * window.stride_h - window.pad[0], x * window.stride_w - window.pad[2]
        inside = top >= 0 and left >= 0 and top + window.kernel_h <= window.in_h
        inside = inside and left + (_PIXELS - 1) * window.stride_w + window.kernel_w <= window.in_w
        if count < _PIXELS or x + _PIXELS > window.out_w or not inside:
            alone += count
    return alone


def _geometry(window: Window) -> dict[str, object]:
    return {
        "in_h": window.in_h, "in_w": window.in_w, "in_c": window.in_c,
        "out_h": window.out_h, "out_w": window.out_w, "out_c": window.out_c,
        "kernel_h": window.kernel_h, "kernel_w": window.kernel_w,
        "stride_h": window.stride_h, "stride_w": window.stride_w,
        "pad_top": window.pad[0], "pad_left": window.pad[2],
    }  # fmt: skip
