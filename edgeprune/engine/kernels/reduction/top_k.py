"""TOPK_V2: the greatest values of each row and where they are."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, params, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, values = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    indices = output_tensor(graph, op, DType.INT32, index=1)
    fits = bool(data.shape) and bool(values.shape) and values.shape == indices.shape
    require(graph, op, fits and values.shape[:-1] == data.shape[:-1], f"{data.shape} into {values.shape}")
    length, k = data.shape[-1], values.shape[-1]
    require(graph, op, k <= length, f"{k} of {length} values")

    def definitions(s: Symbols) -> str:
        return params(s, "ep_top_k_t", {"rows": data.element_count // length, "len": length, "k": k})

    return KernelCall(
        function="ep_top_k_ref",
        emit=lambda s: f"ep_top_k_ref(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {s.output(1)});",
        sources=("ref/top_k.c",),
        headers=("ep_top_k.h",),
        work=Work(outputs=values.element_count, features={"taps": values.element_count * length}),
        definitions=definitions,
    )


KERNELS = {OpKind.TOPK_V2: _ref}
