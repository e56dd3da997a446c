"""ARG_MAX and ARG_MIN: the index of the greatest or least value along an axis, the first of equals."""

from __future__ import annotations

from math import prod

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import AxisAttrs, DType, Graph, Op, OpKind, attrs_of

_NAMES = {DType.INT8: "", DType.INT32: "_int32", DType.FLOAT32: "_float"}


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, *_NAMES), output_tensor(graph, op, DType.INT32, DType.INT64)
    axis = attrs_of(op, AxisAttrs).axis
    outer, count, inner = prod(data.shape[:axis]), data.shape[axis], prod(data.shape[axis + 1 :])
    require(graph, op, output.element_count == outer * inner, f"{data.shape} into {output.shape}")
    wide = "_wide" if output.dtype is DType.INT64 else ""
    function = f"ep_{op.kind.lower()}{_NAMES[data.dtype]}{wide}_ref"
    return KernelCall(
        function=function,
        emit=lambda s: f"{function}({s.input(0)}, {s.output(0)}, {outer}U, {count}U, {inner}U);",
        sources=("ref/arg_max.c",),
        headers=("ep_arg_max.h",),
        work=Work(outputs=output.element_count, features={"taps": data.element_count}),
    )


TYPES = tuple(_NAMES)
KERNELS = {OpKind.ARG_MAX: _ref, OpKind.ARG_MIN: _ref}
