"""DEPTHWISE_CONV_2D over int16 activations (`firmware/include/dsp/depthwise_int16.h`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.dsp.tiles16 import one_product_factors
from edgeprune.engine.kernels.geometry import inside_taps, window_overlaps
from edgeprune.engine.kernels.linear.depthwise import Depthwise, read_depthwise
from edgeprune.engine.kernels.operands import image_calls, params, table
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.engine.kernels.scaling import Int64s
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_TOGETHER = 4
_ORDER = (0, 2, 1, 3)  # of the bytes of a word


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    """One filter a channel, sums and factors as `one_product_factors` asks."""
    layer = read_depthwise(graph, op)
    known = layer.weights.data is not None
    if layer.multiplier_c > 1 or (known and _scaling(layer) is None):
        return None
    window, channels = layer.window, layer.window.out_c

    def scaling(index: int) -> Callable[[], np.ndarray] | None:
        def values() -> np.ndarray:
            found = _scaling(layer)
            assert found is not None
            return found[index].astype(np.int32)

        return values if known else None

    def definitions(s: Symbols) -> str:
        low, high = activation_range(op.activation, layer.output)
        filters: dict[str, object] = {role: s.constant(role) for role in ("weights", "bias", "factor")}
        geometry = window.fields() | {
            "in_c": channels, "kernel_h": window.kernel_h, "kernel_w": window.kernel_w,
            "dilation_h": window.dilation_h, "dilation_w": window.dilation_w,
        }  # fmt: skip
        ends = {"out_min": low, "out_max": high}
        return params(s, "ep_conv2d_t", geometry) + params(s, "ep_depthwise16_t", filters | ends, "filters")

    return KernelCall(
        function="ep_depthwise_int16_dsp",
        emit=lambda s: image_calls(s, "ep_depthwise_int16_dsp", layer.image, layer.output, f"&{s.layer}_filters"),
        sources=("dsp/depthwise_int16.c",),
        headers=("dsp/depthwise_int16.h",),
        constants=(
            _words(layer),
            table("bias", "int32_t", channels, scaling(0)),
            table("factor", "int32_t", channels, scaling(1)),
        ),
        overlaps=window_overlaps(window, channels_in_step=True, element_bytes=2),
        work=Work(
            macs=layer.macs, outputs=window.batches * window.out_len,
            features=inside_taps(window, filters=-(-channels // _TOGETHER), tap_macs=_TOGETHER)
            | {"fours": window.batches * window.out_h * window.out_w * -(-channels // _TOGETHER)},
        ),
        definitions=definitions,
    )  # fmt: skip


def _scaling(layer: Depthwise) -> tuple[Int64s, Int64s] | None:
    return one_product_factors(layer.rows, layer.image, layer.weights, layer.bias, layer.output)


def _words(layer: Depthwise) -> Constant:
    """`weights`: a word a tap of each four channels."""
    channels, taps = layer.window.out_c, layer.window.kernel_h * layer.window.kernel_w
    fours = -(-channels // _TOGETHER)

    def values() -> np.ndarray:
        filled = np.zeros((fours * _TOGETHER, taps), np.int8)
        filled[:channels] = layer.rows
        by_word = filled.reshape(fours, _TOGETHER, taps)[:, _ORDER].swapaxes(1, 2)
        return np.ascontiguousarray(by_word).reshape(-1).view(np.uint32)

    known = layer.weights.data is not None
    return Constant(
        "weights", "uint32_t", fours * taps, 4, values=values if known else None,
        table_bytes=4 * fours * taps - channels * taps,
    )  # fmt: skip
