"""CONV_2D of a pixel or two over int16 activations, as streams have it (`firmware/include/dsp/conv2d_int16.h`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.dsp.tiles16 import CONV_SOURCES, geometry, one_product_factors, row_words, window_words
from edgeprune.engine.kernels.geometry import window_overlaps
from edgeprune.engine.kernels.linear.conv2d import read_conv2d
from edgeprune.engine.kernels.operands import image_calls, params, table
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_FEW_PIXELS = 2
_ROWS = 6


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    """Convolutions of one group, sums and factors as `one_product_factors` asks."""
    conv = read_conv2d(graph, op)
    window, weights = conv.window, conv.weights
    if conv.groups > 1 or window.out_h * window.out_w > _FEW_PIXELS:
        return None
    taps, filled = window.kernel_h * window.kernel_w * conv.group_in_c, -(-window.out_c // _ROWS) * _ROWS
    rows = None if weights.data is None else conv.rows
    found = None if rows is None else one_product_factors(rows, conv.image, weights, conv.bias, conv.output)
    if rows is not None and found is None:
        return None

    def scaling(index: int) -> Callable[[], np.ndarray] | None:
        if found is None:
            return None
        part = found[index]
        return lambda: np.pad(part, (0, filled - window.out_c)).astype(np.int32)

    def definitions(s: Symbols) -> str:
        low, high = activation_range(op.activation, conv.output)
        fields: dict[str, object] = {role: s.constant(role) for role in ("weights", "bias", "factor")}
        fields |= {"pairs": -(-taps // 2), "out_min": low, "out_max": high}
        return geometry(s, window) + params(s, "ep_vectors16_t", fields, "vectors")

    def emit(s: Symbols) -> str:
        rest = (f"&{s.layer}_vectors", s.scratch())
        return image_calls(s, "ep_conv2d_int16_vectors_dsp", conv.image, conv.output, *rest)

    return KernelCall(
        function="ep_conv2d_int16_vectors_dsp",
        emit=emit,
        sources=CONV_SOURCES,
        headers=("dsp/conv2d_int16.h",),
        constants=(
            row_words("weights", rows, _ROWS, window.out_c, taps),
            table("bias", "int32_t", filled, scaling(0)),
            table("factor", "int32_t", filled, scaling(1)),
        ),
        scratch_bytes=4 * -(-taps // 2),
        overlaps=window_overlaps(window, channels_in_step=False, element_bytes=2),
        work=Work(
            macs=conv.macs,
            outputs=window.batches * window.out_len,
            features=window_words(window, conv.group_in_c, window.out_h * window.out_w, filled),
        ),
        definitions=definitions,
    )
