"""FULLY_CONNECTED in plain C."""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.linear.dense import plain_dense, read_dense
from edgeprune.engine.kernels.linear.dense16 import plain_dense16
from edgeprune.engine.kernels.linear.dense_steps import dense_steps
from edgeprune.engine.kernels.operands import packed_weights, weight_reader
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    layer = read_dense(graph, op)
    if layer.data.dtype is DType.INT16:
        return plain_dense16(graph, layer)
    if layer.weights.data is not None and layer.weights.qparams is not None and not layer.factors.solved.all():
        return dense_steps(layer, np.arange(layer.out_len))
    return plain_dense(layer, weight_reader("ep_dense", layer.weights), packed_weights(layer.weights), "ref/dense.c")


TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.FULLY_CONNECTED: _ref}
