"""DEPTHWISE_CONV_2D, the channels of a pixel side by side (`firmware/include/vector/depthwise.h`): multiplier 1."""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.geometry import window_overlaps
from edgeprune.engine.kernels.linear.depthwise import Depthwise, read_depthwise
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.engine.kernels.vector.arrays import channel_tables, scale_fields, suits, window_fields
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_TOGETHER = 3  # taps
_SOURCES = ("vector/depthwise.c", "vector/finish.c")


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    layer = read_depthwise(graph, op)
    taps = layer.window.kernel_h * layer.window.kernel_w
    return _call(layer, taps) if layer.multiplier_c == 1 and suits(layer.weights, optimize, taps) else None


def _call(layer: Depthwise, taps: int) -> KernelCall:
    window, has_data = layer.window, layer.weights.data is not None

    def definitions(s: Symbols) -> str:
        zero = scale_zero(layer.output)[1]
        fields = {
            "weights": s.constant("weights"),
            "scales": scale_fields(s, zero, *activation_range(layer.op.activation, layer.output)),
        }
        shared = window_fields(window, scale_zero(layer.image)[1])
        return params(s, "ep_depthwise_vector_t", fields | shared)

    return KernelCall(
        function="ep_depthwise_vector",
        emit=lambda s: image_calls(s, "ep_depthwise_vector", layer.image, layer.output, s.scratch()),
        sources=_SOURCES,
        headers=("vector/depthwise.h",),
        constants=(
            _weights(layer, taps),
            *channel_tables(
                (lambda: layer.folded_bias) if has_data else None,
                (lambda: layer.scaling) if has_data else None,
                window.out_c,
            ),
        ),
        scratch_bytes=-(-5 * window.in_c // 4) * 4,
        overlaps=window_overlaps(window, channels_in_step=True),
        work=Work(macs=layer.macs, outputs=window.batches * window.out_len),
        definitions=definitions,
    )


def _weights(layer: Depthwise, taps: int) -> Constant:
    """(taps, channels), taps rounded up with zeros."""
    channels, rows = layer.window.in_c, -(-taps // _TOGETHER) * _TOGETHER

    def values() -> np.ndarray:
        made = np.zeros((rows, channels), np.int8)
        made[:taps] = layer.rows.T
        return made.reshape(-1)

    has_data = layer.weights.data is not None
    count = rows * channels
    return Constant(
        "weights", "int8_t", count, 1, values=values if has_data else None, table_bytes=count - taps * channels
    )
