"""UNIDIRECTIONAL_SEQUENCE_LSTM and SVDF, six rows of its matrices at a time (`firmware/include/dsp/products.h`)."""

from __future__ import annotations

from functools import partial

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall
from edgeprune.engine.kernels.dsp.stream import lane_words
from edgeprune.engine.kernels.linear.lstm import Products, lstm_call, read_lstm
from edgeprune.engine.kernels.linear.svdf import svdf_call
from edgeprune.engine.kernels.words import as_words
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op, Tensor

_ROWS = 6
_SUM_LIMIT = 1 << 23


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.DSP:
        return None
    layer = read_lstm(graph, op)
    matrices = [matrix for gate in layer.gates for matrix in (gate.in_weights, gate.state_weights)]
    matrices += [] if layer.projection is None else [layer.projection]
    if not all(_fits(matrix.data) for matrix in matrices):
        return None
    return lstm_call(graph, op, layer, _products())


def svdf(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    features = graph.input_of(op, 1)
    if isa is not Isa.DSP or features is None or not _fits(features.data):
        return None
    return svdf_call(graph, op, _products(), "ep_push_dsp")


def _products() -> Products:
    return Products(
        "ep_multiply_dsp", "ep_widen_dsp", "dsp/products.c", "dsp/products.h", _ROWS,
        lambda length: -(-length // 4) * 2, _constant,
    )  # fmt: skip


def _fits(weights: np.ndarray | None) -> bool:
    """Whether no sum of a row leaves the upper lane, nor a weight."""
    if weights is None:
        return True
    sums = 128 * np.abs(weights.astype(np.int64)).sum(axis=1)
    return int(weights.min()) >= -127 and int(sums.max()) < _SUM_LIMIT


def _constant(role: str, weights: Tensor) -> Constant:
    rows, length = weights.shape
    words = -(-rows // _ROWS) * -(-length // 4) * _ROWS
    values = None if weights.data is None else partial(_lanes, weights.data)
    return Constant(role, "uint32_t", words, 4, values=values, table_bytes=4 * words - weights.element_count)


def _lanes(weights: np.ndarray) -> np.ndarray:
    rows, length = weights.shape
    filled = np.pad(weights.astype(np.int64), ((0, -rows % _ROWS), (0, -length % 4)))
    lanes = lane_words(filled)  # (pairs, words)
    return as_words(np.swapaxes(lanes.reshape(-1, _ROWS // 2, lanes.shape[1]), 1, 2).reshape(-1))
