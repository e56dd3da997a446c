"""LOG_SOFTMAX over the last axis."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, params, require
from edgeprune.engine.kernels.reduction.softmax import softmax_scaling
from edgeprune.engine.kernels.requant import quantize_multiplier, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    require(graph, op, bool(data.shape) and data.shape == output.shape, f"{data.shape} into {output.shape}")
    length = data.shape[-1]
    require(graph, op, length <= 4096, f"{length:,} classes; 4,096 is the most")

    def definitions(s: Symbols) -> str:
        require(graph, op, scale_zero(output) == (1 / 16, 127), "its output must have scale 1/16 and zero point 127")
        in_scale = scale_zero(data)[0]
        multiplier, shift, diff_min = softmax_scaling(1.0, in_scale)
        require(graph, op, shift >= 0, f"its input's scale of {in_scale:g} leaves all inputs equal, and no left shift")
        reverse = quantize_multiplier((1 << 31 - shift) / multiplier)
        fields = {
            "rows": data.element_count // length, "len": length, "multiplier": multiplier, "shift": shift,
            "reverse_multiplier": reverse[0], "reverse_shift": reverse[1], "diff_min": diff_min,
        }  # fmt: skip
        return params(s, "ep_log_softmax_t", fields)

    return KernelCall(
        function="ep_log_softmax_ref",
        emit=lambda s: f"ep_log_softmax_ref(&{s.layer}_params, {s.input(0)}, {s.output(0)});",
        sources=("ref/log_softmax.c",),
        headers=("ep_log_softmax.h",),
        overlaps=(Overlap(0, "forward", 0),),
        work=Work(outputs=output.element_count, features={"rows": output.element_count // length}),
        definitions=definitions,
    )


KERNELS = {OpKind.LOG_SOFTMAX: _ref}
