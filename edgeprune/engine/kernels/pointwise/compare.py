"""GREATER, GREATER_EQUAL, EQUAL and NOT_EQUAL, broadcasting included (LESS is GREATER the other way round)."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.movement.views import check_types
from edgeprune.engine.kernels.operands import input_tensor, operand, output_tensor, params
from edgeprune.engine.kernels.pointwise.elementwise import pair_of
from edgeprune.engine.kernels.requant import CALIBRATE, quantize_multiplier, scale_zero
from edgeprune.errors import ModelError
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor

_ACCEPTED = {
    OpKind.GREATER: "EP_GREATER", OpKind.GREATER_EQUAL: "EP_GREATER | EP_EQUAL", OpKind.EQUAL: "EP_EQUAL",
    OpKind.NOT_EQUAL: "EP_LESS | EP_GREATER | EP_UNORDERED",
}  # fmt: skip
_FUNCTIONS = {
    DType.INT8: "ep_compare_ref", DType.INT16: "ep_compare_int16_ref", DType.INT32: "ep_compare_int32_ref",
    DType.FLOAT32: "ep_compare_float_ref",
}  # fmt: skip


def _scaling(op: Op, tensor: Tensor, side: int) -> dict[str, object]:
    """The C fields of one side; none where LiteRT compares stored numbers as they are, int16 too."""
    if tensor.dtype is not DType.INT8:
        return {}
    scale, zero = scale_zero(tensor)
    if scale >= 1:
        raise ModelError(
            f"{op.kind} {op.name!r}: an input's scale of {scale:g}, where LiteRT ends; it compares scales below 1",
            CALIBRATE,
        )
    multiplier, shift = quantize_multiplier(scale)
    return {f"multiplier{side}": multiplier, f"shift{side}": shift, f"zero{side}": zero}


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    a, b = input_tensor(graph, op, 0, *_FUNCTIONS), input_tensor(graph, op, 1, *_FUNCTIONS)
    check_types(graph, op, a, b)
    pair = pair_of(graph, op, a, b, output_tensor(graph, op, DType.BOOL))
    in1, in2, function = operand(graph, op, 0), operand(graph, op, 1), _FUNCTIONS[a.dtype]
    if a.qparams is not None and b.qparams is not None:
        _scaling(op, a, 1), _scaling(op, b, 2)  # refuses before anything is generated

    def definitions(s: Symbols) -> str:
        fields = {"axes": axes_field(s, "axes", pair.axes), "rank": len(pair.axes), "accepted": _ACCEPTED[op.kind]}
        return params(s, "ep_compare_t", fields | _scaling(op, a, 1) | _scaling(op, b, 2))

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)});",
        sources=("ref/compare.c",),
        headers=("ep_compare.h",),
        constants=(axes_constant("axes", pair.axes), *in1.constants, *in2.constants),
        work=Work(outputs=pair.output.element_count),
        definitions=definitions,
    )


TYPES = tuple(_FUNCTIONS)
KERNELS = dict.fromkeys(_ACCEPTED, _ref)
