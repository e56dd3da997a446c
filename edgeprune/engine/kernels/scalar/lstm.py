"""UNIDIRECTIONAL_SEQUENCE_LSTM and SVDF, eight rows of matrices at a time (`firmware/include/scalar/products.h`).

Rows in pairs take two bytes a weight, so only `--optimize speed` makes them.
"""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall
from edgeprune.engine.kernels.linear.lstm import Products, lstm_call, read_lstm
from edgeprune.engine.kernels.linear.svdf import svdf_call
from edgeprune.engine.kernels.scaling import Int64s
from edgeprune.engine.kernels.words import as_words, bytes_to_words
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op, Tensor

_ROWS = 8
_LANE_LIMIT = 1 << 15
_LONGEST_RUN = 64
_RAISE = 128


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.SCALAR or optimize is Optimize.SIZE:
        return None
    return lstm_call(graph, op, read_lstm(graph, op), _products(optimize))


def svdf(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.SCALAR or optimize is Optimize.SIZE:
        return None
    return svdf_call(graph, op, _products(optimize), "ep_push_ref")


def _products(optimize: Optimize) -> Products:
    def constant(role: str, weights: Tensor) -> Constant:
        rows, length = weights.shape
        if weights.data is None:
            taps = -(-length // 4) * 4
            words = -(-rows // _ROWS) * (1 + _ROWS * taps // (2 if optimize is Optimize.SPEED else 4))
            return Constant(role, "uint32_t", words, 4, table_bytes=4 * words - weights.element_count)
        values = _words(weights.data.astype(np.int64), optimize)
        return Constant(
            role, "uint32_t", len(values), 4, values=lambda: as_words(values),
            table_bytes=4 * len(values) - weights.element_count,
        )  # fmt: skip

    return Products(
        "ep_multiply_scalar", "ep_widen_scalar", "scalar/products.c", "scalar/products.h", _ROWS,
        lambda length: -(-length // 4), constant,
    )  # fmt: skip


def _words(weights: Int64s, optimize: Optimize) -> Int64s:
    """(rows, len) -> words of all groups of eight rows."""
    rows, length = weights.shape
    filled = np.pad(weights, ((0, -rows % _ROWS), (0, -length % 4)))
    groups = filled.reshape(-1, _ROWS, filled.shape[1])
    return np.concatenate([_group(group, optimize) for group in groups])


def _group(weights: Int64s, optimize: Optimize) -> Int64s:
    """(8, taps) -> its words."""
    taps = weights.shape[1]
    run = _longest_run(weights) if optimize is Optimize.SPEED else 0
    if run == 0:
        return np.concatenate([np.zeros(1, np.int64), bytes_to_words(weights + _RAISE).reshape(-1)])
    pairs = (weights[1::2] << 16) + weights[0::2]
    return np.concatenate([[run + (taps // run << 16)], pairs.T.reshape(-1)])


def _longest_run(weights: Int64s) -> int:
    """Taps whose products of one row fit 16 bits in sum wherever a run of so many starts; 0 where not even four do."""
    taps = weights.shape[1]
    for run in range(min(_LONGEST_RUN, taps), 0, -4):
        if taps % run == 0 and 128 * np.abs(weights).reshape(_ROWS, -1, run).sum(axis=2).max() < _LANE_LIMIT:
            return run
    return 0
