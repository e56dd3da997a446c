"""FULLY_CONNECTED (`firmware/include/mve/dense.h`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.linear.dense import Dense, dense_scaling, read_dense
from edgeprune.engine.kernels.mve.stream import Rows, make_stream
from edgeprune.engine.kernels.operands import params
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.engine.kernels.scaling import folded_bias
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.MVE:
        return None
    layer = read_dense(graph, op)
    if not layer.is_symmetric:
        return None
    if layer.weights.data is None:
        return _call(layer, None)
    weights, scaling = layer.weights.data.astype(np.int64), dense_scaling(layer)
    if scaling is None:
        return None
    stream = make_stream(weights, folded_bias(weights, layer.bias, layer.data), scaling)
    return None if stream is None else _call(layer, stream)


def _call(layer: Dense, stream: NDArray[np.int32] | None) -> KernelCall:
    rows = Rows(layer.out_len, layer.in_len)

    def definitions(s: Symbols) -> str:
        low, high = activation_range(layer.op.activation, layer.output)
        fields = {
            "stream": s.constant("stream"), "rows": layer.rows, "in_len": layer.in_len, "out_len": layer.out_len,
            "out_zero": scale_zero(layer.output)[1], "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_dense_mve_t", fields)

    return KernelCall(
        function="ep_dense_mve",
        emit=lambda s: f"ep_dense_mve(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {s.scratch()});",
        sources=("mve/tile.c", "mve/dense.c"),
        headers=("mve/dense.h",),
        constants=(rows.constant(stream),),
        scratch_bytes=rows.column_bytes,
        overlaps=(layer.copied_row_overlap,),
        work=Work(
            macs=layer.macs,
            outputs=layer.rows * layer.out_len,
            features=rows.features(tiles=layer.rows, pixels=layer.rows),
        ),
        definitions=definitions,
    )
