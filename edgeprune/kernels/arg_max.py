"""ARG_MAX: the index of the greatest value along an axis, the first of equals."""

from __future__ import annotations

from math import prod

from edgeprune.ir import DType, Graph, Op
from edgeprune.kernels.base import KernelCall, Optimize, Work
from edgeprune.kernels.operands import input_tensor, output_tensor, require
from edgeprune.target.profile import Isa


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT32)
    axis = op.attrs["axis"]
    outer, count, inner = prod(data.shape[:axis]), data.shape[axis], prod(data.shape[axis + 1 :])
    require(graph, op, output.element_count == outer * inner, f"{data.shape} into {output.shape}")
    return KernelCall(
        function="ep_arg_max_ref",
        emit=lambda s: f"ep_arg_max_ref({s.input(0)}, {s.output(0)}, {outer}U, {count}U, {inner}U);",
        sources=("ref/arg_max.c",),
        headers=("ep_arg_max.h",),
        work=Work(outputs=output.element_count, features={"taps": data.element_count}),
    )


CANDIDATES = (_ref,)
