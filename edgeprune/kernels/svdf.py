"""SVDF."""

from __future__ import annotations

import numpy as np

from edgeprune.ir import DType, Graph, Op, Tensor
from edgeprune.kernels.base import KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.operands import as_constant, input_tensor, output_tensor, params, require, require_u16
from edgeprune.kernels.requant import check_accumulator, quantize_multiplier, scale_zero
from edgeprune.target.profile import Isa


def ratio(a: Tensor, b: Tensor, c: Tensor) -> tuple[int, int]:
    """scale a * scale b / scale c as an integer pair; LiteRT stays in float32."""
    scales = [np.float32(scale_zero(tensor)[0]) for tensor in (a, b, c)]
    return quantize_multiplier(float(scales[0] * scales[1] / scales[2]))


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    features, times = input_tensor(graph, op, 1, DType.INT8), input_tensor(graph, op, 2, DType.INT16)
    bias = None if graph.input_of(op, 3) is None else input_tensor(graph, op, 3, DType.INT32)
    memory = input_tensor(graph, op, 4, DType.INT16)
    rank = op.attrs["rank"]
    shapes = f"{data.shape}, {features.shape}, {times.shape}, {memory.shape} into {output.shape}"
    require(graph, op, len(data.shape) == len(features.shape) == len(times.shape) == 2 and rank > 0, shapes)
    (batches, in_len), (filters, memory_len) = data.shape, times.shape
    units = filters // rank
    require(graph, op, features.shape == (filters, in_len) and units * rank == filters, shapes)
    require(graph, op, memory.element_count == batches * filters * memory_len and memory.is_variable, shapes)
    require(graph, op, output.shape == (batches, units), shapes)
    require(graph, op, features.is_constant and times.is_constant, "its weights are computed while the model runs")
    require(graph, op, bias is None or (bias.is_constant and bias.element_count == units), shapes)
    require_u16(graph, op, batches, in_len, units, rank, memory_len)

    def definitions(s: Symbols) -> str:
        if features.data is not None:
            check_accumulator(op.name, features.data, None)
        feature, out = ratio(data, features, memory), ratio(memory, times, output)
        fields = {
            "feature_weights": s.constant("feature_weights"), "time_weights": s.constant("time_weights"),
            "bias": "NULL" if bias is None else s.constant("bias"),
            "feature_multiplier": feature[0], "feature_shift": feature[1], "out_multiplier": out[0],
            "out_shift": out[1], "batches": batches, "in_len": in_len, "units": units, "rank": rank,
            "memory_len": memory_len, "in_zero": scale_zero(data)[1], "out_zero": scale_zero(output)[1],
        }  # fmt: skip
        return params(s, "ep_svdf_t", fields)

    def emit(s: Symbols) -> str:
        return f"ep_svdf_ref(&{s.layer}_params, {s.input(0)}, {s.state(4)}, {s.output(0)});"

    biases = () if bias is None else (as_constant("bias", bias),)
    return KernelCall(
        function="ep_svdf_ref",
        emit=emit,
        sources=("ref/svdf.c",),
        headers=("ep_svdf.h",),
        constants=(as_constant("feature_weights", features), as_constant("time_weights", times), *biases),
        work=Work(macs=batches * filters * (in_len + memory_len), outputs=output.element_count),
        definitions=definitions,
    )


CANDIDATES = (_ref,)
