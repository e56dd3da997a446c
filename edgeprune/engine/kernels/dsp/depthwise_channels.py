"""DEPTHWISE_CONV_2D with few output pixels, four channels at a time (`firmware/include/dsp/depthwise_channels.h`)."""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.dsp.constants import (
    SHIFTS,
    USUAL_SHIFT,
    Requantized,
    counts_on_two,
    exact_constants,
)
from edgeprune.engine.kernels.geometry import window_overlaps
from edgeprune.engine.kernels.linear.depthwise import Depthwise, read_depthwise
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.engine.kernels.scaling import Int64s, accumulator_range
from edgeprune.engine.kernels.words import Words, as_words, bytes_to_words
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_BLOCK = 4
_ACC_LIMIT = 1 << 30


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.DSP:
        return None
    layer = read_depthwise(graph, op)
    tap_step = layer.few_pixels_step
    if tap_step is None:
        return None
    if layer.weights.data is None:
        return _call(layer, tap_step, USUAL_SHIFT if counts_on_two(op, layer.output) else None, None)
    bias, scaling = layer.folded_bias, layer.scaling
    low, high = accumulator_range(layer.rows, bias)
    if max(-int(low.min()), int(high.max())) >= _ACC_LIMIT:
        return None
    exact = exact_constants(scaling)
    is_two = optimize is Optimize.SPEED or exact is None or counts_on_two(op, layer.output)
    two = Requantized.of(scaling, low, high).constants(SHIFTS) if is_two else None
    if two is not None:
        return _call(layer, tap_step, two.shift, _blocks(layer, bias + two.nudge, two.constants))
    return None if exact is None else _call(layer, tap_step, None, _blocks(layer, bias, exact))


def _blocks(layer: Depthwise, bias: Int64s, constants: Int64s) -> Words:
    channels = layer.window.in_c
    first = np.minimum(np.arange(0, channels, _BLOCK), channels - _BLOCK)
    order = first[:, None] + np.arange(_BLOCK)[None, :]
    rows = np.pad(layer.rows, ((0, 0), (0, layer.rows.shape[1] % 2)))[order]  # (blocks, 4, taps)
    pairs = rows.reshape(len(order), 2, 2, -1, 2)  # block, half, channel, pair of taps, tap
    weights = bytes_to_words(np.transpose(pairs, (0, 3, 1, 4, 2)).reshape(len(order), -1))
    return as_words(np.concatenate([bias[order], weights, constants[order].reshape(len(order), -1)], axis=1))


def _call(layer: Depthwise, tap_step: int, shift: int | None, blocks: Words | None) -> KernelCall:
    window = layer.window
    taps = window.kernel_h * window.kernel_w
    constants = 3 if shift is None else 2
    count = -(-window.in_c // _BLOCK)

    def definitions(s: Symbols) -> str:
        low, high = activation_range(layer.op.activation, layer.output)
        fields = {
            "blocks": s.constant("blocks"), "tap_step": tap_step,
            "out_w_step": window.stride_w * window.in_c, "out_h_step": window.stride_h * window.in_w * window.in_c,
            "channels": window.in_c, "taps": taps, "out_h": window.out_h, "out_w": window.out_w,
            "constants": constants, "shift": shift or 0, "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_depthwise_channels_t", fields)

    pixels = window.batches * window.out_h * window.out_w
    words = count * (_BLOCK + 2 * -(-taps // 2) + _BLOCK * constants)
    return KernelCall(
        function="ep_depthwise_channels_dsp",
        emit=lambda s: image_calls(s, "ep_depthwise_channels_dsp", layer.image, layer.output),
        sources=("dsp/depthwise_channels.c",),
        headers=("dsp/depthwise_channels.h",),
        constants=(
            Constant(
                "blocks", "uint32_t", words, 4, table_bytes=4 * count * _BLOCK * constants,
                values=None if blocks is None else (lambda: blocks.reshape(-1)),
            ),
        ),
        overlaps=window_overlaps(window, channels_in_step=True) if window.in_c % _BLOCK == 0 else (),
        work=Work(
            macs=layer.macs,
            outputs=window.batches * window.out_len,
            features={"blocks": pixels * count, "pairs": pixels * count * -(-taps // 2)},
        ),
        definitions=definitions,
    )  # fmt: skip
