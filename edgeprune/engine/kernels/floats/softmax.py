"""SOFTMAX of float32 over the last axis."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Overlap, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, SoftmaxAttrs, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.FLOAT32), output_tensor(graph, op, DType.FLOAT32)
    require(graph, op, bool(data.shape) and data.shape == output.shape, f"{data.shape} into {output.shape}")
    length, beta = data.shape[-1], attrs_of(op, SoftmaxAttrs).beta
    sizes = f"{data.element_count // length}U, {length}U, {beta:.9e}F"
    return KernelCall(
        function="ep_softmax_float_ref",
        emit=lambda s: f"ep_softmax_float_ref({s.input(0)}, {s.output(0)}, {sizes});",
        sources=("ref/float_softmax.c",),
        headers=("ep_float.h",),
        overlaps=(Overlap(0, "forward", 0),),
        work=Work(outputs=output.element_count),
    )


KERNELS = {OpKind.SOFTMAX: _ref}
