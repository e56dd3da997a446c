"""SUM, MEAN, REDUCE_PROD, REDUCE_MAX and REDUCE_MIN of float32 over any axes; CUMSUM."""

from __future__ import annotations

from math import prod

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field, check_axes
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, params, require
from edgeprune.engine.kernels.reduction.reduce import walk
from edgeprune.hardware.profile import Isa
from edgeprune.ir import CumsumAttrs, DType, Graph, Op, OpKind, ReduceAttrs, attrs_of

_NAMES = {DType.FLOAT32: "float", DType.INT32: "int32"}


def reduction(graph: Graph, op: Op, dtype: DType) -> KernelCall:
    """The call for numbers that are summed and compared as they are."""
    data, output = input_tensor(graph, op, 0, dtype), output_tensor(graph, op, dtype)
    axes = attrs_of(op, ReduceAttrs).axes
    kept, reduced = walk(data, [axis for axis in range(len(data.shape)) if axis not in axes]), walk(data, axes)
    count = prod(data.shape[axis] for axis in axes)
    require(graph, op, count * output.element_count == data.element_count, f"{data.shape} into {output.shape}")
    check_axes(graph, op, kept)
    check_axes(graph, op, reduced)
    function = f"ep_{op.kind.lower()}_{_NAMES[dtype]}_ref"

    def definitions(s: Symbols) -> str:
        fields = {
            "kept": axes_field(s, "kept", kept), "reduced": axes_field(s, "reduced", reduced),
            "kept_rank": len(kept), "reduced_rank": len(reduced), "count": f"{count}.0F",
        }  # fmt: skip
        return params(s, "ep_reduce_numbers_t", fields)

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {s.input(0)}, {s.output(0)});",
        sources=("ref/reduce_numbers.c",),
        headers=("ep_reduce_numbers.h",),
        constants=(axes_constant("kept", kept), axes_constant("reduced", reduced)),
        work=Work(outputs=output.element_count, features={"taps": data.element_count}),
        definitions=definitions,
    )


def running_sum(graph: Graph, op: Op, dtype: DType) -> KernelCall:
    """The call of CUMSUM."""
    data, output, attrs = input_tensor(graph, op, 0, dtype), output_tensor(graph, op, dtype), attrs_of(op, CumsumAttrs)
    require(graph, op, data.shape == output.shape, f"{data.shape} into {output.shape}")
    function = f"ep_cumsum_{_NAMES[dtype]}_ref"

    def definitions(s: Symbols) -> str:
        fields = {
            "outer": prod(data.shape[: attrs.axis]), "len": data.shape[attrs.axis],
            "inner": prod(data.shape[attrs.axis + 1 :]), "exclusive": int(attrs.exclusive),
            "reverse": int(attrs.reverse),
        }  # fmt: skip
        return params(s, "ep_cumsum_t", fields)

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {s.input(0)}, {s.output(0)});",
        sources=("ref/reduce_numbers.c",),
        headers=("ep_reduce_numbers.h",),
        work=Work(outputs=output.element_count),
        definitions=definitions,
    )


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    return reduction(graph, op, DType.FLOAT32)


def _cumsum(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    return running_sum(graph, op, DType.FLOAT32)


KERNELS = {
    **dict.fromkeys((OpKind.SUM, OpKind.MEAN, OpKind.REDUCE_PROD, OpKind.REDUCE_MAX, OpKind.REDUCE_MIN), _ref),
    OpKind.CUMSUM: _cumsum,
}
