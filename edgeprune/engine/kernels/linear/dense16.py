"""FULLY_CONNECTED over int16 activations: sums of 64 bits, scaled in float64 as LiteRT's reference kernel does."""

from __future__ import annotations

import numpy as np

from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.linear.dense import Dense
from edgeprune.engine.kernels.linear.sums16 import is_wide, wide_bias
from edgeprune.engine.kernels.operands import as_constant, params, place, table
from edgeprune.engine.kernels.requant import CALIBRATE, activation_range
from edgeprune.errors import UnsupportedOp
from edgeprune.ir import Graph

_LARGEST = 2.0**30  # steps of the output that sums may reach: LiteRT's are undefined beyond int32


def most_steps(layer: Dense) -> float:
    """Steps of the output that some sum reaches at most; where there are values."""
    bias = np.zeros(layer.out_len) if layer.bias is None else np.asarray(layer.bias.data, np.float64).reshape(-1)
    reach = np.abs(layer.integer_rows).sum(axis=1) * 32768.0 + np.abs(bias)
    if not is_wide(layer.bias):
        reach = np.minimum(reach, 2.0**31)
    return float((reach * layer.real_factors).max())


def plain_dense16(graph: Graph, layer: Dense) -> KernelCall:
    """Raises UnsupportedOp for weights with a zero point, and sums beyond what LiteRT defines."""
    op, weights = layer.op, layer.weights
    if not layer.is_symmetric:
        raise UnsupportedOp(
            f"{place(graph, op)}: weights with a zero point other than 0", "quantize them symmetrically"
        )
    known = weights.data is not None and weights.qparams is not None
    if known and not most_steps(layer) < _LARGEST:
        raise UnsupportedOp(
            f"{place(graph, op)}: its sums reach {most_steps(layer):.3g} steps of its output, where LiteRT's are "
            "undefined",
            CALIBRATE,
        )
    count = len(weights.qparams.scale) if weights.qparams else layer.out_len

    def definitions(s: Symbols) -> str:
        low, high = activation_range(op.activation, layer.output)
        fields = {
            "weights": s.constant("weights"), "bias": "NULL" if layer.bias is None else s.constant("bias"),
            "factor": s.constant("factor"), "scale_step": int(count > 1), "rows": layer.rows, "in_len": layer.in_len,
            "out_len": layer.out_len, "is_wide": int(is_wide(layer.bias)), "out_min": low, "out_max": high,
        }  # fmt: skip
        return params(s, "ep_dense_int16_t", fields)

    return KernelCall(
        function="ep_dense_int16_ref",
        emit=lambda s: f"ep_dense_int16_ref(&{s.layer}_params, {s.input(0)}, {s.output(0)});",
        sources=("ref/dense_int16.c",),
        headers=("ep_dense_int16.h",),
        constants=(
            as_constant("weights", weights),
            *(() if layer.bias is None else (wide_bias(layer.bias),)),
            table("factor", "double", count, (lambda: layer.real_factors) if known else None),
        ),
        overlaps=(layer.row_overlap,),
        work=Work(macs=layer.macs, outputs=layer.rows * layer.out_len),
        definitions=definitions,
    )
