"""CONV_2D two pixels at a time (`firmware/include/mve/conv2d.h`): no dilation, one group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.geometry import Window
from edgeprune.engine.kernels.linear.conv2d import Conv2d, read_conv2d
from edgeprune.engine.kernels.mve.stream import Rows, make_stream, saturates
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_PIXELS = 2
_MOST_COLUMN_BYTES = 0xFFFF


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.MVE:
        return None
    conv = read_conv2d(graph, op)
    window = conv.window.as_one_row  # so that all tiles are full
    rows = Rows(window.out_c, window.kernel_h * window.kernel_w * window.in_c)
    fits = conv.is_plain and window.out_c >= 4
    if not fits or rows.column_bytes > _MOST_COLUMN_BYTES:
        return None
    if conv.weights.data is None:
        return _call(conv, window, rows, None, window.out_c)
    stream = make_stream(conv.rows, conv.folded_bias, conv.scaling)
    return None if stream is None else _call(conv, window, rows, stream, window.out_c)


def _call(conv: Conv2d, window: Window, rows: Rows, stream: NDArray[np.int32] | None, out_pixel: int) -> KernelCall:
    """`out_pixel`: bytes from one pixel of the output to the next."""

    def spread(pixel_bytes: int) -> KernelCall | None:
        return _call(conv, window, rows, stream, pixel_bytes) if pixel_bytes <= 0xFFFF else None

    def definitions(s: Symbols) -> str:
        scaling = conv.scaling
        fields = {
            "tile": "ep_mve_tile_positive" if saturates(scaling) else "ep_mve_tile_signed",
            "stream": s.constant("stream"), "in_c": window.in_c, "out_pixel": out_pixel,
            "groups": window.out_c // 4, "singles": window.out_c % 4,
            "kernel_h": window.kernel_h, "kernel_w": window.kernel_w,
            "in_zero": scale_zero(conv.image)[1], "out_zero": scaling.zero_point,
            "out_min": scaling.low, "out_max": scaling.high,
        }  # fmt: skip
        return params(s, "ep_conv2d_mve_t", fields | window.fields())

    return KernelCall(
        function="ep_conv2d_mve",
        emit=lambda s: image_calls(s, "ep_conv2d_mve", conv.image, conv.output, s.scratch()),
        sources=("mve/tile.c", "mve/conv2d.c"),
        headers=("mve/conv2d.h",),
        constants=(rows.constant(stream),),
        scratch_bytes=_PIXELS * rows.column_bytes,
        overlaps=(Overlap(0, "forward", _lead_bytes(window, out_pixel)),) if window.batches == 1 else (),
        spread=spread if window.batches == 1 else None,
        work=_work(conv, window, rows),
        definitions=definitions,
    )


def _work(conv: Conv2d, window: Window, rows: Rows) -> Work:
    pixels = window.batches * window.out_h * window.out_w
    segment_vectors = -(-window.kernel_w * window.in_c // 16)
    features = rows.features(tiles=-(-pixels // _PIXELS), pixels=pixels) | {
        "column_rows": pixels * window.kernel_h,
        "column_vectors": pixels * window.kernel_h * segment_vectors,
    }
    return Work(macs=conv.macs, outputs=window.batches * window.out_len, features=features)


def _lead_bytes(window: Window, out_pixel: int) -> int:
    """How far the output must start before the input: what is written may not reach what a later pixel reads."""
    top = np.maximum(np.arange(window.out_h) * window.stride_h - window.pad[0], 0)
    left = np.maximum(np.arange(window.out_w) * window.stride_w - window.pad[2], 0)
    first = (top[:, None] * window.in_w + left[None, :]).reshape(-1)
    unread = np.minimum.accumulate(first[::-1])[::-1] * window.in_c
    pixels = np.arange(_PIXELS, len(first), _PIXELS)
    return int((pixels * out_pixel - unread[pixels]).max(initial=-window.in_len))
