"""BATCH_MATMUL: products of two activations, as in attention."""

from __future__ import annotations

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field, broadcast, check_axes, strides
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.linear.sums16 import reduced
from edgeprune.engine.kernels.operands import (
    activation_type,
    input_tensor,
    operand,
    output_tensor,
    params,
    plain_name,
    require,
    require_u16,
)
from edgeprune.engine.kernels.requant import quantize_multiplier, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import BatchMatmulAttrs, DType, Graph, Op, OpKind, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    dtype = activation_type(graph, op)
    a, b = input_tensor(graph, op, 0, dtype), input_tensor(graph, op, 1, dtype)
    output = output_tensor(graph, op, dtype)
    function = plain_name("ep_batch_matmul", dtype)
    shapes = f"{a.shape} times {b.shape} into {output.shape}"
    require(graph, op, min(len(a.shape), len(b.shape), len(output.shape)) >= 2, shapes)
    (a_outer, a_inner), (b_outer, b_inner) = strides(a.shape)[-2:], strides(b.shape)[-2:]
    (rows, depth), (b_depth, columns) = a.shape[-2:], b.shape[-2:]
    if attrs_of(op, BatchMatmulAttrs).adj_x:
        rows, depth, a_outer, a_inner = depth, rows, a_inner, a_outer
    if attrs_of(op, BatchMatmulAttrs).adj_y:
        b_depth, columns, b_outer, b_inner = columns, b_depth, b_inner, b_outer
    axes = broadcast(a.shape[:-2], b.shape[:-2], output.shape[:-2])
    require(graph, op, axes is not None and depth == b_depth and output.shape[-2:] == (rows, columns), shapes)
    assert axes is not None
    steps = [(axis.count, axis.step_a * rows * depth, axis.step_b * depth * columns) for axis in axes]
    axes = tuple(type(axes[0])(*step) for step in steps) if axes else ()
    check_axes(graph, op, axes)
    require_u16(graph, op, rows, depth, columns)
    left, right = operand(graph, op, 0), operand(graph, op, 1)

    def definitions(s: Symbols) -> str:
        (a_scale, a_zero), (b_scale, b_zero), (out_scale, out_zero) = map(scale_zero, (a, b, output))
        product = np.float32(a_scale) * np.float32(b_scale)  # LiteRT multiplies in float32, divides in float64
        multiplier, shift = quantize_multiplier(float(product) / out_scale)
        if dtype is DType.INT16:
            multiplier, shift = reduced(multiplier, shift)
        fields = {
            "axes": axes_field(s, "axes", axes), "rank": len(axes), "rows": rows, "depth": depth, "columns": columns,
            "in1_row_step": a_outer, "in1_depth_step": a_inner, "in2_depth_step": b_outer, "in2_column_step": b_inner,
            "multiplier": multiplier, "shift": shift, "in1_zero": a_zero, "in2_zero": b_zero, "out_zero": out_zero,
        }  # fmt: skip
        return params(s, "ep_batch_matmul_t", fields)

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {left.expression(s)}, {right.expression(s)}, {s.output(0)});",
        sources=("ref/batch_matmul.c",),
        headers=("ep_batch_matmul.h",),
        constants=(axes_constant("axes", axes), *left.constants, *right.constants),
        work=Work(macs=output.element_count * depth, outputs=output.element_count),
        definitions=definitions,
    )


TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.BATCH_MATMUL: _ref}
