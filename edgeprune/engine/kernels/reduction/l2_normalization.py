"""L2_NORMALIZATION over the last axis."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, require
from edgeprune.engine.kernels.requant import scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind

_LONGEST = ((1 << 31) - 1) // 255**2


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    require(graph, op, bool(data.shape) and data.shape == output.shape, f"{data.shape} into {output.shape}")
    length = data.shape[-1]
    require(graph, op, length <= _LONGEST, f"rows of {length:,}; {_LONGEST:,} is the most")
    if output.qparams is not None:
        require(graph, op, scale_zero(output) == (1 / 128, 0), "its output must have scale 1/128 and zero point 0")

    def emit(s: Symbols) -> str:
        sizes = f"{data.element_count // length}U, {length}U, {scale_zero(data)[1]}"
        return f"ep_l2_normalization_ref({s.input(0)}, {s.output(0)}, {sizes});"

    return KernelCall(
        function="ep_l2_normalization_ref",
        emit=emit,
        sources=("ref/l2_normalization.c",),
        headers=("ep_l2_normalization.h",),
        overlaps=(Overlap(0, "forward", 0),),
        work=Work(outputs=output.element_count, features={"rows": output.element_count // length}),
    )


KERNELS = {OpKind.L2_NORMALIZATION: _ref}
