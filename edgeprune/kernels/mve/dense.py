"""FULLY_CONNECTED (`firmware/include/mve/dense.h`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprune.ir import Graph, Op
from edgeprune.kernels.base import KernelCall, Optimize, Overlap, Symbols, Work
from edgeprune.kernels.dense import Dense, read_dense
from edgeprune.kernels.dsp.dense import dense_scaling
from edgeprune.kernels.dsp.layer import folded_bias
from edgeprune.kernels.mve.stream import Rows, make_stream
from edgeprune.kernels.operands import params
from edgeprune.kernels.requant import activation_range, scale_zero
from edgeprune.target.profile import Isa


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.MVE:
        return None
    layer = read_dense(graph, op)
    if layer.weights.qparams is not None and any(layer.weights.qparams.zero_point):
        return None
    if layer.weights.data is None:
        return _call(layer, None)
    weights = layer.weights.data.astype(np.int64)
    stream = make_stream(weights, folded_bias(weights, layer.bias, layer.data), dense_scaling(layer))
    return None if stream is None else _call(layer, stream)


def _call(layer: Dense, stream: NDArray[np.int32] | None) -> KernelCall:
    rows = Rows(layer.out_len, layer.in_len)

    def definitions(s: Symbols) -> str:
        low, high = activation_range(layer.op.attrs["activation"], layer.output)
        fields = {
            "stream": s.constant("stream"), "rows": layer.rows, "in_len": layer.in_len, "out_len": layer.out_len,
            "out_zero": scale_zero(layer.output)[1], "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_dense_mve_t", fields)

    # Row r is read when r rows are written; the first may lie anywhere.
    lead = max((row * (layer.out_len - layer.in_len) for row in range(1, layer.rows)), default=-layer.in_len)
    return KernelCall(
        function="ep_dense_mve",
        emit=lambda s: f"ep_dense_mve(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {s.scratch()});",
        sources=("mve/tile.c", "mve/dense.c"),
        headers=("mve/dense.h",),
        constants=(rows.constant(stream),),
        scratch_bytes=rows.column_bytes,
        overlaps=(Overlap(0, "forward", lead),),
        work=Work(
            macs=layer.macs,
            outputs=layer.rows * layer.out_len,
            features=rows.features(tiles=layer.rows, pixels=layer.rows),
        ),
        definitions=definitions,
    )
