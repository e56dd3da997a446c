"""SOFTMAX over the last axis."""

from __future__ import annotations

from edgeprune.ir import DType, Graph, Op
from edgeprune.kernels.base import KernelCall, Optimize, Overlap, Symbols, Work
from edgeprune.kernels.operands import input_tensor, output_tensor, params, require
from edgeprune.kernels.requant import quantize_multiplier, scale_zero
from edgeprune.target.profile import Isa

DIFF_INTEGER_BITS = 5


def softmax_scaling(beta: float, in_scale: float) -> tuple[int, int, int]:
    """(multiplier, shift, diff_min): differences of input values in Q5.26, and the least one that counts."""
    fraction_bits = 31 - DIFF_INTEGER_BITS
    multiplier, shift = quantize_multiplier(min(beta * in_scale * (1 << fraction_bits), (1 << 31) - 1.0))
    largest = ((1 << DIFF_INTEGER_BITS) - 1) * (1 << fraction_bits)
    return multiplier, shift, -int(largest / (1 << shift)) if shift >= 0 else -largest


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    require(graph, op, bool(data.shape) and data.shape == output.shape, f"{data.shape} into {output.shape}")
    length = data.shape[-1]
    require(graph, op, length <= 4096, f"{length:,} classes; 4,096 is the most")

    def definitions(s: Symbols) -> str:
        scale, zero = scale_zero(output)
        fits = abs(scale - 1 / 256) <= 0.001 / 256 and zero == -128
        require(graph, op, fits, "its output must have scale 1/256 and zero point -128")
        multiplier, shift, diff_min = softmax_scaling(op.attrs["beta"], scale_zero(data)[0])
        require(graph, op, shift >= 0, "the input's scale is too small")
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
        work=Work(outputs=output.element_count),
        definitions=definitions,
    )


CANDIDATES = (_ref,)
