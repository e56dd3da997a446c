"""FULLY_CONNECTED: what every implementation starts from, and the call of the plain C."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.base import Constant, KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.linear.arrays import (
    array_fields,
    quantization_fields,
    read_bias,
    read_image_and_weights,
    scale_tables,
)
from edgeprune.engine.kernels.linear.single_rounding import ExactMultipliers, exact_multipliers
from edgeprune.engine.kernels.operands import (  # fmt: skip
    as_constant,
    params,
    place,
    require,
    require_u16,
    table,
)
from edgeprune.engine.kernels.requant import activation_range, may_wrap, scale_zero, weight_scales
from edgeprune.engine.kernels.scaling import Int64s, Scaling, accumulator_range, folded_bias
from edgeprune.errors import UnsupportedOp
from edgeprune.ir import Graph, Op, Tensor


@dataclass(frozen=True, eq=False)
class Dense:
    """A dense layer, checked: what every implementation starts from.

    Attributes:
        rows: vectors in the input; the product of all axes but the last where the layer keeps them.
        in_len, out_len: values of one input and one output vector.
        data: the input tensor, int8; int16 for `dense16.py` alone.
        weights: (out_len, in_len) int8 or int4.
        bias: (out_len) int32 or None; of int16 layers int64, too.
        output: rows * out_len values of the input's type.
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

    @property
    def is_symmetric(self) -> bool:
        """Whether the weights' zero point is 0."""
        return self.weights.qparams is None or not any(self.weights.qparams.zero_point)

    @property
    def integer_rows(self) -> np.ndarray:
        """Weights less their zero point, (out_len, in_len) int64; where there are values."""
        assert self.weights.data is not None
        zero = self.weights.qparams.zero_point[0] if self.weights.qparams else 0
        return np.asarray(self.weights.data.astype(np.int64) - zero)

    @property
    def real_factors(self) -> NDArray[np.float64]:
        """(scales,) what LiteRT multiplies sums with."""
        in_scale, out_scale = scale_zero(self.data)[0], scale_zero(self.output)[0]
        return np.array([in_scale * scale / out_scale for scale in weight_scales(self.weights)])

    @property
    def sums(self) -> tuple[Int64s, Int64s]:
        """(out_len,) least and greatest accumulator, all of int32 where it may wrap around."""
        rows = self.integer_rows
        low, high = accumulator_range(rows, folded_bias(rows, self.bias, self.data))
        wraps = may_wrap(rows, None if self.bias is None else self.bias.data)
        return np.where(wraps, -(1 << 31), low), np.where(wraps, (1 << 31) - 1, high)

    @cached_property
    def factors(self) -> ExactMultipliers:
        """Of the scales; where there are values."""
        low, high = self.sums
        if len(self.real_factors) == 1:
            low, high = low.min(keepdims=True), high.max(keepdims=True)
        return exact_multipliers(self.op.name, self.real_factors, low, high, scale_zero(self.output)[1])

    @property
    def row_overlap(self) -> Overlap:
        """Of a kernel that reads a row again for each of its outputs."""
        lead = max(self.out_len - 1, (self.rows - 1) * (self.out_len - self.in_len) + self.out_len - 1)
        return Overlap(0, "forward", lead * self.data.dtype.size_bytes(1))

    @property
    def copied_row_overlap(self) -> Overlap:
        """Of a kernel that copies a row before it writes that row's outputs: r rows are written when row r is read, and
        the first may lie anywhere.
        """
        leads = (row * (self.out_len - self.in_len) for row in range(1, self.rows))
        return Overlap(0, "forward", max(leads, default=-self.in_len))


def read_dense(graph: Graph, op: Op) -> Dense:
    """Raises UnsupportedOp for types and weights the engine has no kernel for, ModelError for sizes that clash."""
    data, weights, output = read_image_and_weights(graph, op)
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
    count = len(qparams.scale)
    return (
        table("multiplier", "int32_t", count, lambda: layer.factors.multiplier),
        table("shift", "int8_t", count, lambda: layer.factors.shift),
    )


def dense_scaling(layer: Dense) -> Scaling | None:
    """LiteRT's requantization of a dense layer, one entry per output channel; None where no factors give its bytes."""
    if not layer.factors.solved.all():
        return None
    low, high = activation_range(layer.op.activation, layer.output)
    return Scaling(
        multiplier=np.broadcast_to(layer.factors.multiplier, layer.out_len).astype(np.int64),
        shift=np.broadcast_to(layer.factors.shift, layer.out_len).astype(np.int64),
        zero_point=scale_zero(layer.output)[1], low=low, high=high, rounds_twice=False,
    )  # fmt: skip


def plain_dense(layer: Dense, function: str, stored: Constant, source: str) -> KernelCall:
    """The call of a function of `ep_dense.h` that reads the weights the way they are stored."""
    op = layer.op

    def definitions(s: Symbols) -> str:
        zero = layer.weights.qparams.zero_point[0] if layer.weights.qparams else 0
        fields = array_fields(s, layer.bias) | {
            "rows": layer.rows, "in_len": layer.in_len, "out_len": layer.out_len, "weight_zero": zero,
        }  # fmt: skip
        return params(s, "ep_dense_t", fields | quantization_fields(op, layer.data, layer.weights, layer.output))

    biases = () if layer.bias is None else (as_constant("bias", layer.bias),)
    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {s.input(0)}, {s.output(0)});",
        sources=(source,),
        headers=("ep_dense.h",),
        constants=(stored, *biases, *dense_scale_tables(layer)),
        overlaps=(layer.row_overlap,),
        work=Work(macs=layer.macs, outputs=layer.rows * layer.out_len),
        definitions=definitions,
    )
