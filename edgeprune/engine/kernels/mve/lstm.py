"""UNIDIRECTIONAL_SEQUENCE_LSTM and SVDF, four rows of its matrices at a time (`firmware/include/mve/products.h`)."""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall
from edgeprune.engine.kernels.linear.lstm import Products, lstm_call, read_lstm
from edgeprune.engine.kernels.linear.svdf import svdf_call
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op, Tensor

_ROWS = 4


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.MVE:
        return None
    return lstm_call(graph, op, read_lstm(graph, op), _products())


def svdf(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    return svdf_call(graph, op, _products(), "ep_push_ref") if isa is Isa.MVE else None


def _products() -> Products:
    return Products("ep_multiply_mve", "NULL", "mve/products.c", "mve/products.h", _ROWS, lambda length: 0, _constant)


def _constant(role: str, weights: Tensor) -> Constant:
    rows, length = weights.shape
    count, data = -(-rows // _ROWS) * _ROWS * length, weights.data
    values = None if data is None else (lambda: np.pad(data, ((0, -rows % _ROWS), (0, 0))).reshape(-1))
    return Constant(role, "int8_t", count, 1, values=values, table_bytes=count - weights.element_count)
