"""GATHER_ND and SCATTER_ND: slices picked by vectors of indices, or put where they point."""

from __future__ import annotations

from math import prod

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import strides
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types
from edgeprune.engine.kernels.operands import input_tensor, operand, params, require, table
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind

_SCATTERED = {
    DType.INT8: "", DType.UINT8: "", DType.INT32: "_int32", DType.INT64: "_int64", DType.FLOAT32: "_float",
}  # fmt: skip


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    scatters = op.kind is OpKind.SCATTER_ND
    types = tuple(_SCATTERED) if scatters else ANY_TYPE
    data, indices = input_tensor(graph, op, int(scatters), *types), input_tensor(graph, op, 1 - scatters, DType.INT32)
    output = graph.output_of(op)
    check_types(graph, op, data, output)
    whole, slices = (output.shape, data.shape) if scatters else (data.shape, output.shape)
    depth = indices.shape[-1] if indices.shape else 0
    fits = 0 < depth <= len(whole) and slices == (*indices.shape[:-1], *whole[depth:])
    require(graph, op, fits, f"{indices.shape} of {whole} for {slices}")
    if indices.data is not None:
        inside = ((indices.data >= 0) & (indices.data < np.array(whole[:depth]))).all()
        require(graph, op, bool(inside), f"an index outside {whole[:depth]}")
    steps = np.array(strides(whole)[:depth], np.uint32) * data.dtype.size_bytes(1)
    operands = [operand(graph, op, index) for index in range(2)]
    function = f"ep_scatter_nd{_SCATTERED[data.dtype]}_ref" if scatters else "ep_gather_nd_ref"

    def definitions(s: Symbols) -> str:
        fields = {
            "sizes": s.constant("sizes"), "steps_bytes": s.constant("steps"), "count": prod(indices.shape[:-1]),
            "depth": depth, "slice_bytes": data.dtype.size_bytes(prod(whole[depth:])), "out_bytes": output.size_bytes,
        }  # fmt: skip
        return params(s, "ep_gather_nd_t", fields)

    def emit(s: Symbols) -> str:
        return f"{function}(&{s.layer}_params, {', '.join(each.expression(s) for each in operands)}, {s.output(0)});"

    return KernelCall(
        function=function,
        emit=emit,
        sources=("ref/gather_nd.c",),
        headers=("ep_gather_nd.h",),
        constants=(
            table("sizes", "uint32_t", depth, lambda: np.array(whole[:depth], np.uint32)),
            table("steps", "uint32_t", depth, lambda: steps),
            *(constant for each in operands for constant in each.constants),
        ),
        work=Work(outputs=output.element_count),
        definitions=definitions,
    )


TYPES = {OpKind.GATHER_ND: ANY_TYPE, OpKind.SCATTER_ND: tuple(_SCATTERED)}
KERNELS = {OpKind.GATHER_ND: _ref, OpKind.SCATTER_ND: _ref}
