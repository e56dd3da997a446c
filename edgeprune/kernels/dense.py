"""FULLY_CONNECTED."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import DType, Graph, Op, Tensor
from edgeprune.kernels.base import Constant, KernelCall, Optimize, Overlap, Symbols, Work
from edgeprune.kernels.conv2d import array_fields, quantization_fields, read_bias, scale_tables
from edgeprune.kernels.dsp.layer import folded_bias
from edgeprune.kernels.dsp.stream import accumulator_range
from edgeprune.kernels.operands import (
    as_constant,
    input_tensor,
    output_tensor,
    packed_weights,
    params,
    place,
    require,
    require_u16,
    table,
    weight_reader,
)  # fmt: skip
from edgeprune.kernels.requant import check_accumulator, scale_zero
from edgeprune.kernels.single_rounding import exact_multipliers
from edgeprune.target.profile import Isa


@dataclass(frozen=True, eq=False)
class Dense:
    """A dense layer, checked: what every implementation starts from.

    Attributes:
        rows: vectors in the input; the product of all axes but the last where the layer keeps them.
        in_len, out_len: values of one input and one output vector.
        data: the input tensor, int8.
        weights: (out_len, in_len) int8 or int4.
        bias: (out_len) int32 or None.
        output: int8, rows * out_len values.
    """

    op: Op
    rows: int
    in_len: int
    out_len: int
    data: Tensor
    weights: Tensor
    bias: Tensor | None
    output: Tensor

    @property
    def macs(self) -> int:
        return self.rows * self.in_len * self.out_len


def read_dense(graph: Graph, op: Op) -> Dense:
    """Raises UnsupportedOp for types and weights the engine has no kernel for, ModelError for sizes that clash."""
    data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    weights = input_tensor(graph, op, 1, DType.INT8, DType.INT4)
    if not weights.is_constant:
        raise UnsupportedOp(f"{place(graph, op)}: its weights are computed while the model runs")
    require(graph, op, len(weights.shape) == 2, f"weights of shape {weights.shape}")
    require(graph, op, weights.qparams is None or weights.qparams.axis in (None, 0), "scales on the input axis")
    out_len, in_len = weights.shape
    rows = data.element_count // in_len
    require(
        graph, op, rows * in_len == data.element_count and rows * out_len == output.element_count,
        f"{data.shape} times {weights.shape} into {output.shape}",
    )  # fmt: skip
    require_u16(graph, op, rows, in_len, out_len)
    return Dense(op, rows, in_len, out_len, data, weights, read_bias(graph, op, out_len), output)


def dense_scale_tables(layer: Dense) -> tuple[Constant, Constant]:
    """`multiplier` and `shift`, one entry per weight scale (`single_rounding.py`)."""
    qparams = layer.weights.qparams
    if layer.weights.data is None or qparams is None:
        return scale_tables(layer.data, layer.weights, layer.output, layer.out_len)

    @cache
    def pair() -> tuple[np.ndarray, np.ndarray]:
        in_scale, (out_scale, out_zero) = scale_zero(layer.data)[0], scale_zero(layer.output)
        real = np.array([in_scale * scale / out_scale for scale in qparams.scale])
        rows = _integer_rows(layer)
        check_accumulator(layer.op.name, rows, None if layer.bias is None else layer.bias.data)
        low, high = accumulator_range(rows, folded_bias(rows, layer.bias, layer.data))
        if len(real) == 1:
            low, high = low.min(keepdims=True), high.max(keepdims=True)
        return exact_multipliers(layer.op.name, real, low, high, out_zero)

    count = len(qparams.scale)
    return table("multiplier", "int32_t", count, lambda: pair()[0]), table("shift", "int8_t", count, lambda: pair()[1])


def _integer_rows(layer: Dense) -> np.ndarray:
    """Weights less their zero point, (out_len, in_len) int64."""
    assert layer.weights.data is not None
    return layer.weights.data.astype(np.int64) - (layer.weights.qparams.zero_point[0] if layer.weights.qparams else 0)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    layer = read_dense(graph, op)
    return plain_dense(layer, weight_reader("ep_dense", layer.weights), packed_weights(layer.weights), "ref/dense.c")


def plain_dense(layer: Dense, function: str, stored: Constant, source: str) -> KernelCall:
    """The call of a function of `ep_dense.h` that reads the weights the way they are stored."""
    op = layer.op

    def definitions(s: Symbols) -> str:
        zero = layer.weights.qparams.zero_point[0] if layer.weights.qparams else 0
        if layer.weights.data is not None:
            check_accumulator(op.name, _integer_rows(layer), None if layer.bias is None else layer.bias.data)
        fields = array_fields(s, layer.bias) | {
            "rows": layer.rows, "in_len": layer.in_len, "out_len": layer.out_len, "weight_zero": zero,
        }  # fmt: skip
        return params(s, "ep_dense_t", fields | quantization_fields(op, layer.data, layer.weights, layer.output))

    lead = max(layer.out_len - 1, (layer.rows - 1) * (layer.out_len - layer.in_len) + layer.out_len - 1)
    biases = () if layer.bias is None else (as_constant("bias", layer.bias),)
    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {s.input(0)}, {s.output(0)});",
        sources=(source,),
        headers=("ep_dense.h",),
        constants=(stored, *biases, *dense_scale_tables(layer)),
        overlaps=(Overlap(0, "forward", lead),),
        work=Work(macs=layer.macs, outputs=layer.rows * layer.out_len),
        definitions=definitions,
    )


CANDIDATES = (_ref,)
