"""FULLY_CONNECTED eight channels at a time (`firmware/include/scalar/dense.h`).

A group's weights take two bytes each, so only `--optimize speed` makes groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.linear.dense import Dense, dense_scaling, read_dense
from edgeprune.engine.kernels.operands import params, table
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.engine.kernels.scalar.stream import channel_words, scale_words
from edgeprune.engine.kernels.scaling import Int64s, folded_bias
from edgeprune.engine.kernels.words import as_words
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op

_GROUP = 8
_RUNS = (32, 24, 16, 12, 8, 4)
_LANE_LIMIT = 1 << 15
_ACC_LIMIT = 1 << 29
_SINGLE_COST, _TAP_COST, _SPLIT_COST = 5.6, 1.4, 5.2  # instructions of an M0, about: a product alone, in pairs; a run


@dataclass(frozen=True, eq=False)
class _Groups:
    """Channels in their order on the device: `count` groups of eight in runs of `run` inputs, the rest single."""

    order: NDArray[np.intp]
    count: int
    run: int

    @property
    def grouped(self) -> NDArray[np.intp]:
        return self.order[: _GROUP * self.count]

    @property
    def single(self) -> NDArray[np.intp]:
        return self.order[_GROUP * self.count :]


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.SCALAR:
        return None
    layer = read_dense(graph, op)
    if _suits_ref(layer, optimize):
        return None
    if layer.weights.data is None:
        most = layer.out_len // _GROUP if optimize is Optimize.SPEED else 0
        return _call(layer, _Groups(np.arange(layer.out_len), most, min(_RUNS)), None, None)
    weights = layer.weights.data.astype(np.int64)
    bias, scaling = folded_bias(weights, layer.bias, layer.data), dense_scaling(layer)
    if scaling is None:
        return None
    singles = channel_words(weights, bias, scaling, _ACC_LIMIT)
    scale = scale_words(scaling)
    if singles is None or scale is None:
        return None
    groups = _choose(weights, optimize)
    words = _group_words(weights[groups.grouped], bias[groups.grouped], scale[groups.grouped], groups.run)
    return _call(layer, groups, words, singles[groups.single])


def _suits_ref(layer: Dense, optimize: Optimize) -> bool:
    """Weights with a zero point; for size, int4 ones and those with one scale: here each channel has its own."""
    if not layer.is_symmetric:
        return True
    qparams = layer.weights.qparams
    has_one_scale = qparams is not None and len(qparams.scale) == 1
    return optimize is Optimize.SIZE and (has_one_scale or layer.weights.dtype is DType.INT4)


def _choose(weights: Int64s, optimize: Optimize) -> _Groups:
    """Longer runs cost less, and leave more channels single."""
    channels = len(weights)
    if optimize is not Optimize.SPEED:
        return _Groups(np.arange(channels), 0, min(_RUNS))
    best = None
    for run in _RUNS:
        padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % run))).reshape(channels, -1, run)
        reach = 128 * np.abs(padded).sum(axis=2).max(axis=1, initial=0)
        light = reach < _LANE_LIMIT
        count = int(light.sum()) // _GROUP
        taps = padded.shape[1] * run
        cost = _GROUP * count * taps * (_TAP_COST + _SPLIT_COST / run)
        cost += (channels - _GROUP * count) * weights.shape[1] * _SINGLE_COST
        if best is None or cost < best[0]:
            # without groups there is no order table: the channels stay as they come
            order = np.argsort(~light, kind="stable") if count else np.arange(channels)
            best = cost, _Groups(order, count, run)
    assert best is not None
    return best[1]


def _group_words(weights: Int64s, bias: Int64s, scale: Int64s, run: int) -> Int64s:
    """weights (8 * groups, in_len) -> words of all groups."""
    groups = len(weights) // _GROUP
    padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % run)))
    runs = padded.shape[1] // run
    low, high = bias[0::2], bias[1::2]
    starts = np.stack([low + (high << 16) - (runs << 15), high], axis=1)
    pairs = (padded[1::2] << 16) + padded[0::2]
    by_group = np.swapaxes(pairs.reshape(groups, _GROUP // 2, padded.shape[1]), 1, 2)  # taps, then pairs
    parts = (starts, by_group, scale)
    return np.concatenate([part.reshape(groups, part.size // max(groups, 1)) for part in parts], axis=1).reshape(-1)


def _call(layer: Dense, groups: _Groups, group_words: Int64s | None, singles: NDArray[np.uint32] | None) -> KernelCall:
    steps, runs = -(-layer.in_len // 4), -(-layer.in_len // groups.run)
    own_words = _GROUP * (1 + layer.in_len / 4)  # of a group: what its biases and weights take alone
    words = _GROUP + 4 * groups.run * runs + 3 * _GROUP

    def definitions(s: Symbols) -> str:
        low, high = activation_range(layer.op.activation, layer.output)
        fields = {
            "groups": s.constant("groups") if groups.count else "NULL",
            "singles": s.constant("singles") if len(groups.single) else "NULL",
            "order": s.constant("order") if groups.count else "NULL",
            "rows": layer.rows, "in_len": layer.in_len, "out_len": layer.out_len,
            "group_count": groups.count, "run": groups.run, "runs": runs,
            "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_dense_scalar_t", fields)

    constants = []
    if groups.count:
        values = None if group_words is None else (lambda: as_words(group_words))
        table_bytes = groups.count * int(4 * (words - own_words))
        constants.append(
            Constant("groups", "uint32_t", groups.count * words, 4, values=values, table_bytes=table_bytes)
        )
        constants.append(table("order", "uint16_t", layer.out_len, lambda: groups.order.astype(np.uint16)))
    if len(groups.single):
        count = len(groups.single)
        constants.append(
            Constant(
                "singles", "uint32_t", count * (4 + steps), 4, table_bytes=12 * count,
                values=None if singles is None else (lambda: singles.reshape(-1)),
            )
        )  # fmt: skip
    return KernelCall(
        function="ep_dense_scalar",
        emit=lambda s: f"ep_dense_scalar(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {s.scratch()});",
        sources=("scalar/dense.c",),
        headers=("scalar/dense.h",),
        constants=tuple(constants),
        scratch_bytes=max(groups.run * runs, 4 * steps),
        overlaps=(layer.copied_row_overlap,),
        work=Work(
            macs=layer.macs,
            outputs=layer.rows * layer.out_len,
            features={
                "inputs": layer.rows * layer.in_len,
                "single_steps": layer.rows * len(groups.single) * steps,
                "group_runs": layer.rows * groups.count * runs,
                "group_taps": layer.rows * groups.count * runs * groups.run,
            },
        ),
        definitions=definitions,
    )
