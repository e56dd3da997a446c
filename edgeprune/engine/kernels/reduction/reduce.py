"""MEAN, SUM, REDUCE_MAX and REDUCE_MIN over any axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import Axis, axes_constant, axes_field, check_axes, merged, strides
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, params, plain_name, require
from edgeprune.engine.kernels.requant import quantize_multiplier, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, ReduceAttrs, Tensor, attrs_of

_FUNCTIONS = {
    OpKind.MEAN: "ep_mean", OpKind.SUM: "ep_sum", OpKind.REDUCE_MAX: "ep_reduce_max",
    OpKind.REDUCE_MIN: "ep_reduce_min",
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


def walk(data: Tensor, axes: Sequence[int]) -> tuple[Axis, ...]:
    """Along these axes of a tensor, the fastest first."""
    steps = strides(data.shape)
    found = merged([Axis(data.shape[axis], steps[axis], 0) for axis in sorted(axes, reverse=True)])
    return found or (Axis(1, 0, 0),)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    dtypes = TYPES[op.kind]
    data = input_tensor(graph, op, 0, *dtypes)
    output = output_tensor(graph, op, data.dtype)
    reduced_axes = attrs_of(op, ReduceAttrs).axes
    kept = walk(data, [axis for axis in range(len(data.shape)) if axis not in reduced_axes])
    reduced = walk(data, reduced_axes)
    count = prod(data.shape[i] for i in reduced_axes)
    require(graph, op, count * output.element_count == data.element_count, f"{data.shape} into {output.shape}")
    require(graph, op, count <= 1 << 23, f"{count:,} values for each output; 8,388,608 is the most")
    check_axes(graph, op, kept)
    check_axes(graph, op, reduced)
    function = plain_name(_FUNCTIONS[op.kind], data.dtype)
    bytes_ = "(const int8_t *)", "(int8_t *)"
    to_int8 = bytes_ if data.dtype is DType.BOOL else ("", "")
    if op.kind in (OpKind.REDUCE_MAX, OpKind.REDUCE_MIN):
        require(graph, op, data.qparams == output.qparams, "input and output differ in scale or zero point")

    def definitions(s: Symbols) -> str:
        fields: dict[str, object] = {
            "kept": axes_field(s, "kept", kept), "reduced": axes_field(s, "reduced", reduced),
            "kept_rank": len(kept), "reduced_rank": len(reduced),
        }  # fmt: skip
        if op.kind in (OpKind.MEAN, OpKind.SUM):
            multiplier, shift = _multiplier(op, data, output, count)
            zeros = {"in_zero": scale_zero(data)[1], "out_zero": scale_zero(output)[1]}
            fields |= {"multiplier": multiplier, "shift": shift} | zeros
        return params(s, "ep_reduce_t", fields)

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {to_int8[0]}{s.input(0)}, {to_int8[1]}{s.output(0)});",
        sources=("ref/reduce.c",),
        headers=("ep_reduce.h",),
        constants=(axes_constant("kept", kept), axes_constant("reduced", reduced)),
        work=Work(outputs=output.element_count, features={"taps": data.element_count}),
        definitions=definitions,
    )


_BOTH = (DType.INT8, DType.INT16)
TYPES = {
    OpKind.MEAN: _BOTH, OpKind.REDUCE_MAX: (*_BOTH, DType.BOOL), OpKind.REDUCE_MIN: (*_BOTH, DType.BOOL),
    OpKind.SUM: (DType.INT8,),  # LiteRT's reference gives no sums of int16
}  # fmt: skip
KERNELS = dict.fromkeys(TYPES, _ref)
