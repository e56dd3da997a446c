"""DEPTHWISE_CONV_2D 3x3 (`firmware/include/mve/depthwise3x3.h`): stride 1 or 2, no dilation, multiplier 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.geometry import Window
from edgeprune.engine.kernels.linear.depthwise import Depthwise, read_depthwise
from edgeprune.engine.kernels.mve.stream import provable
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_BLOCK = 16
_COLUMN_BYTES = 64
_CHANNEL_WORDS = 6
_GATHERED = 4  # columns


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.MVE:
        return None
    layer = read_depthwise(graph, op)
    window = layer.window
    if not layer.is_plain_3x3 or window.out_w < 2:
        return None
    if layer.weights.data is None:
        return _call(layer, None)
    words = _channels(layer)
    return None if words is None else _call(layer, words)


def _channels(layer: Depthwise) -> NDArray[np.int32] | None:
    """(channels * 6) words, or None where a bound does not hold."""
    channels = layer.window.in_c
    bias, scaling = layer.folded_bias, layer.scaling
    if not provable(layer.rows, bias, scaling):
        return None
    columns = np.zeros((channels, 3, 4), np.int8)
    columns[:, :, :3] = np.swapaxes(layer.taps, 1, 2)
    beside = np.stack([bias, scaling.multiplier, scaling.shift], axis=1).astype(np.int32)
    return np.concatenate([columns.reshape(channels, 12).view(np.int32), beside], axis=1).reshape(-1)


def _columns(window: Window) -> int:
    """Columns in scratch: the padded image's, and what the last gather reads behind them."""
    last_read = window.out_w - 2 if window.stride_w == 1 else 2 * (max(window.out_w, _GATHERED) - 1)
    return max(window.pad[2] + window.in_w, last_read + _GATHERED)


def _call(layer: Depthwise, words: NDArray[np.int32] | None) -> KernelCall:
    window = layer.window
    columns = _columns(window)

    def definitions(s: Symbols) -> str:
        low, high = activation_range(layer.op.activation, layer.output)
        fields = {
            "channels": s.constant("channels"), "in_h": window.in_h, "in_w": window.in_w, "in_c": window.in_c,
            "out_h": window.out_h, "out_w": window.out_w, "columns": columns, "stride": window.stride_w,
            "pad_top": window.pad[0], "pad_left": window.pad[2], "in_zero": scale_zero(layer.image)[1],
            "out_zero": scale_zero(layer.output)[1], "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_depthwise_mve_t", fields)

    return KernelCall(
        function="ep_depthwise_mve",
        emit=lambda s: image_calls(s, "ep_depthwise_mve", layer.image, layer.output, s.scratch()),
        sources=("mve/depthwise3x3.c", "mve/depthwise_rows.c"),
        headers=("mve/depthwise3x3.h",),
        constants=(
            Constant(
                "channels", "int32_t", window.in_c * _CHANNEL_WORDS, 4, table_bytes=8 * window.in_c,
                values=None if words is None else (lambda: words),
            ),
        ),
        scratch_bytes=columns * _COLUMN_BYTES + (_BLOCK * window.in_w if window.stride_w == 1 else 0),
        overlaps=(Overlap(0, "same", 0),) if window.batches == 1 and _in_place(window) else (),
        work=_work(layer),
        definitions=definitions,
    )  # fmt: skip


def _work(layer: Depthwise) -> Work:
    window = layer.window
    at_once = 3 - window.stride_h
    passes, blocks = window.batches * -(-window.out_h // at_once), -(-window.in_c // _BLOCK)
    stores = "pairs" if window.stride_h == 1 else "quads"
    features = {
        "row_blocks": passes * blocks,
        "loaded_columns": passes * blocks * window.in_w,
        "row_channels": passes * window.in_c,
        stores: passes * window.in_c * -(-window.out_w // (2 * window.stride_w)),
    }
    return Work(macs=layer.macs, outputs=window.batches * window.out_len, features=features)


def _in_place(window: Window) -> bool:
    """Pixel i of the output lies where pixel i of the input was: it must have been read, or saved, by then."""
    at_once = 3 - window.stride_h
    y = np.arange(at_once, window.out_h, at_once)  # of the loads but the first
    unread = np.maximum(y * window.stride_h - window.pad[0] + (window.stride_h == 1), 0)
    left = unread < window.in_h
    return bool((y * window.out_w <= unread * window.in_w)[left].all())
