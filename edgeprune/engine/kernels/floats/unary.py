"""Operators on one float32 tensor, element by element, to LiteRT's bits.

TANH, LOG, SIN, COS, POW, ELU and GELU are the C library's in LiteRT, whose last bit no other library promises: they run
as the table of an int8 tensor alone (`engine/graph/passes/islands.py`).
"""

from __future__ import annotations

from collections.abc import Callable

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Overlap, Work
from edgeprune.engine.kernels.operands import input_tensor, literal, output_tensor, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, LeakyReluAttrs, Op, OpKind, attrs_of

_CLAMPS = {
    OpKind.RELU: (0.0, float("inf")), OpKind.RELU6: (0.0, 6.0), OpKind.RELU_N1_TO_1: (-1.0, 1.0),
    OpKind.RELU_0_TO_1: (0.0, 1.0),
}  # fmt: skip
_KINDS = (
    OpKind.ABS, OpKind.NEG, OpKind.SIGN, OpKind.FLOOR, OpKind.CEIL, OpKind.ROUND, OpKind.SQRT, OpKind.RSQRT, OpKind.EXP,
    OpKind.LOGISTIC, OpKind.HARD_SWISH,
)  # fmt: skip


def _unary(function: str, settings: Callable[[Op], tuple[float, ...]] = lambda op: ()) -> Callable[..., KernelCall]:
    def ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
        data, output = input_tensor(graph, op, 0, DType.FLOAT32), output_tensor(graph, op, DType.FLOAT32)
        require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
        rest = ", ".join((f"{data.element_count}U", *map(literal, settings(op))))
        return KernelCall(
            function=function,
            emit=lambda s: f"{function}({s.input(0)}, {s.output(0)}, {rest});",
            sources=("ref/float_unary.c", "ref/float_exponential.c"),
            headers=("ep_float.h",),
            overlaps=(Overlap(0, "forward", 0),),
            work=Work(outputs=output.element_count),
        )

    return ref


KERNELS = {
    **{kind: _unary(f"ep_{kind.lower()}_float_ref") for kind in _KINDS},
    **{kind: _unary("ep_clamp_float_ref", lambda op: _CLAMPS[op.kind]) for kind in _CLAMPS},
    OpKind.LEAKY_RELU: _unary("ep_leaky_relu_float_ref", lambda op: (attrs_of(op, LeakyReluAttrs).alpha,)),
}
