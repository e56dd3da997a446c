"""FULLY_CONNECTED six channels at a time (`firmware/include/dsp/dense.h`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.dsp.constants import PAIRED, SHIFTS, Requantized, counts_on_two
from edgeprune.engine.kernels.dsp.stream import bias_words, lane_words
from edgeprune.engine.kernels.linear.conv2d import read_conv2d
from edgeprune.engine.kernels.linear.dense import Dense, dense_scaling, read_dense
from edgeprune.engine.kernels.operands import params
from edgeprune.engine.kernels.requant import activation_range, may_wrap, scale_zero
from edgeprune.engine.kernels.scaling import Int64s, Scaling, accumulator_range, folded_bias
from edgeprune.engine.kernels.words import as_words, bytes_to_words
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_SIX = 3  # pairs in the large group


@dataclass(frozen=True)
class _Groups:
    """How the output channels are grouped."""

    sixes: int
    pairs: int
    singles: int

    def words(self, steps: int) -> tuple[int, int]:
        """(all words, words of requantization among them)."""
        pairs = _SIX * self.sixes + self.pairs
        return pairs * (6 + 2 * steps) + self.singles * (3 + steps), 4 * pairs + 2 * self.singles


def _paired(channels: int) -> _Groups:
    return _Groups(channels // 6, channels % 6 // 2, channels % 2)


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.DSP:
        return None
    layer = read_dense(graph, op)
    if not layer.is_symmetric:
        return None
    if layer.weights.data is None:
        return _call(layer, _paired(layer.out_len), 0, None)
    return _with_values(layer, dense_scaling(layer))


def one_pixel(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    """CONV_2D whose window is the whole image: a dense layer, but rounded twice, as groups of channels alone can be."""
    if isa is not Isa.DSP:
        return None
    conv = read_conv2d(graph, op)
    window = conv.window
    is_whole = (window.in_h, window.in_w) == (window.kernel_h, window.kernel_w) and not any(window.pad)
    if not (conv.is_plain and is_whole and window.batches == 1 and window.out_c % 2 == 0 and window.in_len <= 0xFFFF):
        return None
    data = conv.weights.data
    weights = replace(conv.weights, shape=(window.out_c, window.in_len), data=None if data is None else conv.rows)
    layer = Dense(op, 1, window.in_len, window.out_c, conv.image, weights, conv.bias, conv.output)
    if not counts_on_two(op, conv.output) and (data is None or optimize is not Optimize.SPEED):
        return None
    if data is None:
        return _call(layer, _paired(layer.out_len), 0, None)
    call = _with_values(layer, conv.scaling)
    return call if call is not None and call.work.features["single_steps"] == 0 else None


def _with_values(layer: Dense, scaling: Scaling | None) -> KernelCall | None:
    assert layer.weights.data is not None
    rows = layer.weights.data.astype(np.int64)
    if scaling is None or may_wrap(rows, None if layer.bias is None else layer.bias.data).any():
        return None
    weights = np.zeros((layer.out_len, -(-layer.in_len // 4) * 4), np.int64)
    weights[:, : layer.in_len] = rows
    bias = folded_bias(weights, layer.bias, layer.data)
    even = layer.out_len // 2 * 2
    low, high = accumulator_range(weights[:even], bias[:even])
    two = None
    if np.abs(weights[1:even:2]).max(initial=0) <= 127:
        two = Requantized.of(scaling.of(slice(even)), low, high, PAIRED).constants(SHIFTS)
    if two is None:
        singles = _single_words(weights, bias, scaling)
        return _call(layer, _Groups(0, 0, layer.out_len), 0, singles)
    groups = _paired(layer.out_len)
    biases = bias_words(bias[:even], two.nudge)
    ends = [0, 6 * groups.sixes, even]
    words = [
        _group_words(weights[first:last], biases[first // 2 : last // 2], two.constants[first:last], pairs)
        for first, last, pairs in zip(ends, ends[1:], (_SIX, 1), strict=False)
    ]
    last = _single_words(weights[even:], bias[even:], scaling.of(slice(even, None)))
    return _call(layer, groups, two.shift, np.concatenate([*words, last]))


def _group_words(weights: Int64s, biases: Int64s, constants: Int64s, pairs: int) -> Int64s:
    """Words of groups of `pairs` pairs of channels, one group after the other."""
    groups = len(weights) // (2 * pairs)
    if groups == 0:
        return np.zeros(0, np.int64)
    lanes = lane_words(weights)
    parts = (
        np.swapaxes(biases.reshape(groups, pairs, 2), 1, 2),
        np.swapaxes(lanes.reshape(groups, pairs, lanes.shape[1]), 1, 2),
        constants,
    )
    return np.concatenate([part.reshape(groups, -1) for part in parts], axis=1).reshape(-1)


def _single_words(weights: Int64s, bias: Int64s, scaling: Scaling) -> Int64s:
    parts = (bias[:, None], bytes_to_words(weights), scaling.multiplier[:, None], scaling.shift[:, None])
    return np.concatenate(parts, axis=1).reshape(-1)


def _call(layer: Dense, groups: _Groups, shift: int, words: Int64s | None) -> KernelCall:
    steps = -(-layer.in_len // 4)
    count, table_words = groups.words(steps)

    def definitions(s: Symbols) -> str:
        low, high = activation_range(layer.op.activation, layer.output)
        fields = {
            "stream": s.constant("stream"), "rows": layer.rows, "in_len": layer.in_len, "out_len": layer.out_len,
            "sixes": groups.sixes, "pairs": groups.pairs, "singles": groups.singles, "shift": shift,
            "out_zero": scale_zero(layer.output)[1], "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_dense_dsp_t", fields)

    return KernelCall(
        function="ep_dense_dsp",
        emit=lambda s: f"ep_dense_dsp(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {s.scratch()});",
        sources=("dsp/dense.c",),
        headers=("dsp/dense.h",),
        constants=(
            Constant(
                "stream", "uint32_t", count, 4, table_bytes=4 * table_words,
                values=None if words is None else (lambda: as_words(words)),
            ),
        ),
        scratch_bytes=8 * steps,
        overlaps=(layer.copied_row_overlap,),
        work=Work(
            macs=layer.macs, outputs=layer.rows * layer.out_len,
            features={
                "steps": layer.rows * steps,
                "six_steps": layer.rows * steps * groups.sixes,
                "pair_steps": layer.rows * steps * groups.pairs,
                "single_steps": layer.rows * steps * groups.singles,
            },
        ),
        definitions=definitions,
    )  # fmt: skip
