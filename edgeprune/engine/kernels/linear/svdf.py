"""SVDF."""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.linear.lstm import PLAIN, Products, folded_bias
from edgeprune.engine.kernels.operands import (
    as_constant,
    input_tensor,
    output_tensor,
    params,
    require,
    require_u16,
    table,
)
from edgeprune.engine.kernels.requant import quantize_multiplier, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, SvdfAttrs, Tensor, attrs_of


def ratio(a: Tensor, b: Tensor, c: Tensor) -> tuple[int, int]:
    """scale a * scale b / scale c as an integer pair; LiteRT stays in float32."""
    scales = [np.float32(scale_zero(tensor)[0]) for tensor in (a, b, c)]
    return quantize_multiplier(float(scales[0] * scales[1] / scales[2]))


def svdf_call(graph: Graph, op: Op, products: Products, push: str) -> KernelCall:
    """The call; `push`: the C function that moves a filter's memory on."""
    data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    features, times = input_tensor(graph, op, 1, DType.INT8), input_tensor(graph, op, 2, DType.INT16)
    bias = None if graph.input_of(op, 3) is None else input_tensor(graph, op, 3, DType.INT32)
    memory = input_tensor(graph, op, 4, DType.INT16)
    rank = attrs_of(op, SvdfAttrs).rank
    shapes = f"{data.shape}, {features.shape}, {times.shape}, {memory.shape} into {output.shape}"
    require(graph, op, len(data.shape) == len(features.shape) == len(times.shape) == 2 and rank > 0, shapes)
    (batches, in_len), (filters, memory_len) = data.shape, times.shape
    units = filters // rank
    require(graph, op, features.shape == (filters, in_len) and units * rank == filters and memory_len > 0, shapes)
    require(graph, op, memory.element_count == batches * filters * memory_len and memory.is_variable, shapes)
    require(graph, op, output.shape == (batches, units), shapes)
    require(graph, op, features.is_constant and times.is_constant, "its weights are computed while the model runs")
    require(graph, op, bias is None or (bias.is_constant and bias.element_count == units), shapes)
    words = {
        "acc_words": -(-filters // products.block) * products.block, "wide_words": products.wide_words(in_len),
    }  # fmt: skip
    require_u16(graph, op, batches, in_len, units, rank, memory_len, *words.values())

    def definitions(s: Symbols) -> str:
        feature, out = ratio(data, features, memory), ratio(memory, times, output)
        fields = {
            "products": f"{{ {products.widen}, {products.multiply} }}", "push": push,
            "feature_weights": s.constant("feature_weights"), "feature_bias": s.constant("feature_bias"),
            "time_weights": s.constant("time_weights"), "bias": "NULL" if bias is None else s.constant("bias"),
            "feature_multiplier": feature[0], "feature_shift": feature[1], "out_multiplier": out[0],
            "out_shift": out[1], "batches": batches, "in_len": in_len, "units": units, "rank": rank,
            "memory_len": memory_len, "out_zero": scale_zero(output)[1],
        }  # fmt: skip
        return params(s, "ep_svdf_t", fields | words)

    def emit(s: Symbols) -> str:
        return f"ep_svdf_ref(&{s.layer}_params, {s.input(0)}, {s.state(4)}, {s.output(0)}, {s.scratch()});"

    in_zero = scale_zero(data)[1] if data.qparams else 0
    biases = () if bias is None else (as_constant("bias", bias),)
    return KernelCall(
        function=products.multiply.replace("ep_multiply", "ep_svdf"),
        emit=emit,
        sources=tuple(dict.fromkeys(("ref/svdf.c", products.source))),
        headers=("ep_svdf.h", products.header),
        constants=(
            products.constant("feature_weights", features),
            table("feature_bias", "int32_t", filters, folded_bias(features, in_zero, None)),
            as_constant("time_weights", times),
            *biases,
        ),
        scratch_bytes=4 * sum(words.values()),
        work=Work(macs=batches * filters * (in_len + memory_len), outputs=output.element_count),
        definitions=definitions,
    )


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    return svdf_call(graph, op, PLAIN, "ep_push_ref")


KERNELS = {OpKind.SVDF: _ref}
