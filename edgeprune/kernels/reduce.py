"""MEAN, SUM and REDUCE_MAX over any axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from edgeprune.ir import DType, Graph, Op, OpKind, Tensor
from edgeprune.kernels.axes import Axis, axes_constant, axes_field, check_axes, merged, strides
from edgeprune.kernels.base import KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.operands import input_tensor, output_tensor, params, require
from edgeprune.kernels.requant import quantize_multiplier, scale_zero
from edgeprune.target.profile import Isa

_FUNCTIONS = {
    OpKind.MEAN: "ep_mean_ref", OpKind.SUM: "ep_sum_ref", OpKind.REDUCE_MAX: "ep_reduce_max_ref",
}  # fmt: skip


def _multiplier(op: Op, data: Tensor, output: Tensor, count: int) -> tuple[int, int]:
    """Input over output scale, and over `count` for a mean."""
    if op.kind is OpKind.MEAN:
        return mean_multiplier(data, output, count)
    return quantize_multiplier(scale_zero(data)[0] / scale_zero(output)[0])


def mean_multiplier(data: Tensor, output: Tensor, count: int) -> tuple[int, int]:
    """Input over output scale, divided by `count` in integers as LiteRT does it."""
    multiplier, shift = quantize_multiplier(scale_zero(data)[0] / scale_zero(output)[0])
    up = max(0, min(count.bit_length() - 1, 32, 31 + shift))
    return (multiplier << up) // count, shift - up


def _walk(data: Tensor, axes: Sequence[int]) -> tuple[Axis, ...]:
    steps = strides(data.shape)
    walk = merged([Axis(data.shape[axis], steps[axis], 0) for axis in sorted(axes, reverse=True)])
    return walk or (Axis(1, 0, 0),)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    reduced_axes = op.attrs["axes"]
    kept = _walk(data, [axis for axis in range(len(data.shape)) if axis not in reduced_axes])
    reduced = _walk(data, reduced_axes)
    count = prod(data.shape[i] for i in reduced_axes)
    require(graph, op, count * output.element_count == data.element_count, f"{data.shape} into {output.shape}")
    require(graph, op, count <= 1 << 23, f"{count:,} values for each output; 8,388,608 is the most")
    check_axes(graph, op, kept)
    check_axes(graph, op, reduced)
    function = _FUNCTIONS[op.kind]
    if op.kind is OpKind.REDUCE_MAX:
        require(graph, op, data.qparams == output.qparams, "input and output differ in scale or zero point")

    def definitions(s: Symbols) -> str:
        multiplier, shift = _multiplier(op, data, output, count)
        fields = {
            "kept": axes_field(s, "kept", kept), "reduced": axes_field(s, "reduced", reduced),
            "kept_rank": len(kept), "reduced_rank": len(reduced), "multiplier": multiplier, "shift": shift,
            "in_zero": scale_zero(data)[1], "out_zero": scale_zero(output)[1],
        }  # fmt: skip
        return params(s, "ep_reduce_t", fields)

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {s.input(0)}, {s.output(0)});",
        sources=("ref/reduce.c",),
        headers=("ep_reduce.h",),
        constants=(axes_constant("kept", kept), axes_constant("reduced", reduced)),
        work=Work(outputs=output.element_count, features={"taps": data.element_count}),
        definitions=definitions,
    )


CANDIDATES = (_ref,)
