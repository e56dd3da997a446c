"""FULLY_CONNECTED four rows at a time (`firmware/include/vector/dense.h`)."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.linear.dense import Dense, dense_scaling, read_dense
from edgeprune.engine.kernels.operands import params
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.engine.kernels.scaling import Int64s, Scaling, folded_bias
from edgeprune.engine.kernels.vector.arrays import channel_tables, padded, scale_fields, suits, weight_rows
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_ROWS = 4
_SOURCES = ("vector/dense.c", "vector/dot.c", "vector/finish.c")


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    layer = read_dense(graph, op)
    if not layer.is_symmetric or not suits(layer.weights, optimize, layer.in_len):
        return None
    if layer.weights.data is None:
        return _call(layer, None)
    scaling = dense_scaling(layer)
    return None if scaling is None else _call(layer, scaling)


def _call(layer: Dense, scaling: Scaling | None) -> KernelCall:
    """`scaling`: where there are values."""
    channels, taps = padded(layer.out_len, layer.in_len)

    def definitions(s: Symbols) -> str:
        zero = scale_zero(layer.output)[1]
        fields = {
            "weights": s.constant("weights"),
            "scales": scale_fields(s, zero, *activation_range(layer.op.activation, layer.output)),
            "channels": channels, "taps": taps,
            "rows": layer.rows, "in_len": layer.in_len, "out_len": layer.out_len,
        }  # fmt: skip
        return params(s, "ep_dense_vector_t", fields)

    def bias() -> Int64s:
        return folded_bias(layer.integer_rows, layer.bias, layer.data)

    return KernelCall(
        function="ep_dense_vector",
        emit=lambda s: f"ep_dense_vector(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {s.scratch()});",
        sources=_SOURCES,
        headers=("vector/dense.h",),
        constants=(
            weight_rows((lambda: layer.integer_rows) if scaling is not None else None, layer.out_len, layer.in_len),
            *channel_tables(
                bias if scaling is not None else None, None if scaling is None else (lambda: scaling), layer.out_len
            ),
        ),
        scratch_bytes=_ROWS * (4 * channels + (0 if taps == layer.in_len else taps)),
        overlaps=(layer.copied_row_overlap,),
        work=Work(macs=layer.macs, outputs=layer.rows * layer.out_len),
        definitions=definitions,
    )
