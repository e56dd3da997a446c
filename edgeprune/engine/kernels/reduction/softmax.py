"""SOFTMAX over the last axis."""

from __future__ import annotations

from math import exp

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.interpolation import points, shared_table
from edgeprune.engine.kernels.operands import activation_type, input_tensor, output_tensor, params, require
from edgeprune.engine.kernels.requant import quantize_multiplier, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, SoftmaxAttrs, Tensor, attrs_of

DIFF_INTEGER_BITS = 5


def softmax_scaling(beta: float, in_scale: float) -> tuple[int, int, int]:
    """(multiplier, shift, diff_min): differences of input values in Q5.26, and the least one that counts."""
    fraction_bits = 31 - DIFF_INTEGER_BITS
    factor = min(beta * in_scale * (1 << fraction_bits), (1 << 31) - 1.0)
    # a mask of -10,000 gives such scales: one step is everything, and LiteRT's factor stays at its largest
    multiplier, shift = quantize_multiplier(factor) if factor < 1 << 30 else ((1 << 31) - 1, 30)
    largest = ((1 << DIFF_INTEGER_BITS) - 1) * (1 << fraction_bits)
    return multiplier, shift, -int(largest / (1 << shift)) if shift >= 0 else -largest


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    dtype = activation_type(graph, op)
    data, output = input_tensor(graph, op, 0, dtype), output_tensor(graph, op, dtype)
    require(graph, op, bool(data.shape) and data.shape == output.shape, f"{data.shape} into {output.shape}")
    length = data.shape[-1]
    if dtype is DType.INT16:
        return _int16(graph, op, data, output)
    require(graph, op, length <= 4096, f"{length:,} classes; 4,096 is the most")

    def definitions(s: Symbols) -> str:
        scale, zero = scale_zero(output)
        fits = abs(scale - 1 / 256) <= 0.001 / 256 and zero == -128
        require(graph, op, fits, "its output must have scale 1/256 and zero point -128")
        in_scale = scale_zero(data)[0]
        multiplier, shift, diff_min = softmax_scaling(attrs_of(op, SoftmaxAttrs).beta, in_scale)
        require(graph, op, shift >= 0, f"its input's scale of {in_scale:g} leaves all inputs equal, and no left shift")
        fields = {
            "rows": data.element_count // length, "len": length,
            "multiplier": multiplier, "shift": shift, "diff_min": diff_min,
        }  # fmt: skip
        return params(s, "ep_softmax_t", fields)

    return KernelCall(
        function="ep_softmax_ref",
        emit=lambda s: f"ep_softmax_ref(&{s.layer}_params, {s.input(0)}, {s.output(0)});",
        sources=("ref/softmax.c",),
        headers=("ep_softmax.h",),
        overlaps=(Overlap(0, "forward", 0),),
        work=Work(outputs=output.element_count, features={"rows": output.element_count // length}),
        definitions=definitions,
    )


def _int16(graph: Graph, op: Op, data: Tensor, output: Tensor) -> KernelCall:
    """By points of exp and of the inverse, which LiteRT works out in float64."""
    length = data.shape[-1]
    require(graph, op, length <= 0xFFFF, f"{length:,} classes; 65,535 is the most")
    tables = {"exp": points(exp, -10.0, 0.0, 2 / 65535), "inverse": points(_one_over_one_plus, 0.0, 1.0, 2 / 65535)}

    def definitions(s: Symbols) -> str:
        scale, _ = scale_zero(output)
        require(graph, op, abs(scale * 32768 - 1) <= 0.001, "its output must have a scale of 1/32768")
        beta, in_scale = attrs_of(op, SoftmaxAttrs).beta, scale_zero(data)[0]
        step = float(np.float32(in_scale) * np.float32(beta))  # LiteRT multiplies in float32, divides in float64
        multiplier, shift = quantize_multiplier(step / (10.0 / 65535.0))
        fields = {
            "exp": "ep_points_exp", "inverse": "ep_points_inverse", "rows": data.element_count // length,
            "len": length, "multiplier": multiplier, "shift": shift,
        }  # fmt: skip
        return params(s, "ep_softmax_int16_t", fields)

    return KernelCall(
        function="ep_softmax_int16_ref",
        emit=lambda s: f"ep_softmax_int16_ref(&{s.layer}_params, {s.input(0)}, {s.output(0)});",
        sources=("ref/softmax_int16.c",),
        headers=("ep_softmax_int16.h",),
        overlaps=(Overlap(0, "forward", 0),),
        work=Work(outputs=data.element_count),
        definitions=definitions,
        shared=tuple(shared_table(f"ep_points_{name}", values) for name, values in tables.items()),
    )


def _one_over_one_plus(x: float) -> float:
    return 1 / (1 + x)


TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.SOFTMAX: _ref}
