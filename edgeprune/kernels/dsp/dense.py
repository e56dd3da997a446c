"""FULLY_CONNECTED six channels at a time (`firmware/include/dsp/dense.h`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeprune.ir import Graph, Op
from edgeprune.kernels.base import Constant, KernelCall, Optimize, Overlap, Symbols, Work
from edgeprune.kernels.dense import Dense, dense_scale_tables, read_dense
from edgeprune.kernels.dsp.constants import PAIRED, two_instruction_constants
from edgeprune.kernels.dsp.layer import folded_bias
from edgeprune.kernels.dsp.requant import Int64s, Scaling
from edgeprune.kernels.dsp.stream import accumulator_range, as_words, bias_words, bytes_to_words, lane_words
from edgeprune.kernels.operands import params
from edgeprune.kernels.requant import activation_range, check_accumulator, scale_zero
from edgeprune.target.profile import Isa

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
    if layer.weights.qparams is not None and any(layer.weights.qparams.zero_point):
        return None
    if layer.weights.data is None:
        return _call(layer, _paired(layer.out_len), 0, None)
    return _with_values(layer)


def _with_values(layer: Dense) -> KernelCall:
    assert layer.weights.data is not None
    rows = layer.weights.data.astype(np.int64)
    check_accumulator(layer.op.name, rows, None if layer.bias is None else layer.bias.data)
    weights = np.zeros((layer.out_len, -(-layer.in_len // 4) * 4), np.int64)
    weights[:, : layer.in_len] = rows
    bias = folded_bias(weights, layer.bias, layer.data)
    scaling = dense_scaling(layer)
    even = layer.out_len // 2 * 2
    low, high = accumulator_range(weights[:even], bias[:even])
    two = None
    if np.abs(weights[1:even:2]).max(initial=0) <= 127:
        two = two_instruction_constants(scaling.of(slice(even)), low, high, PAIRED)
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


def dense_scaling(layer: Dense) -> Scaling:
    """LiteRT's requantization of a dense layer, one entry per output channel."""
    multiplier, shift = (table.values for table in dense_scale_tables(layer))
    assert multiplier is not None and shift is not None
    low, high = activation_range(layer.op.attrs["activation"], layer.output)
    return Scaling(
        multiplier=np.broadcast_to(multiplier(), layer.out_len).astype(np.int64),
        shift=np.broadcast_to(shift(), layer.out_len).astype(np.int64),
        zero_point=scale_zero(layer.output)[1], low=low, high=high, rounds_twice=False,
    )  # fmt: skip


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
        low, high = activation_range(layer.op.attrs["activation"], layer.output)
        fields = {
            "stream": s.constant("stream"), "rows": layer.rows, "in_len": layer.in_len, "out_len": layer.out_len,
            "sixes": groups.sixes, "pairs": groups.pairs, "singles": groups.singles, "shift": shift,
            "out_zero": scale_zero(layer.output)[1], "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_dense_dsp_t", fields)

    # Row r is read when r rows are written; the first may lie anywhere.
    lead = max((row * (layer.out_len - layer.in_len) for row in range(1, layer.rows)), default=-layer.in_len)
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
        overlaps=(Overlap(0, "forward", lead),),
        work=Work(
            macs=layer.macs, outputs=layer.rows * layer.out_len,
            features={
                "steps": layer.rows * steps,
                "six_steps": layer.rows * steps * groups.sixes,
                "pair_steps": layer.rows * steps * groups.pairs,
            },
        ),
        definitions=definitions,
    )  # fmt: skip
