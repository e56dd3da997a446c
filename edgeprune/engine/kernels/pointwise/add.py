"""ADD and SUB, broadcasting included."""

from __future__ import annotations

from math import floor, log2

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import axes_constant, axes_field
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import activation_type, operand, params, plain_name
from edgeprune.engine.kernels.pointwise.elementwise import in_place, read_pair
from edgeprune.engine.kernels.requant import CALIBRATE, activation_range, quantize_multiplier, scale_zero
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.hardware.profile import Isa
from edgeprune.ir import ArithmeticAttrs, DType, Graph, Op, OpKind, Tensor, attrs_of

LEFT_SHIFT = 20
_LEFT_SHIFT16 = 15  # of int16
_NEAR_POWER = 1e-3  # of the scale's logarithm


def add_fields(op: Op, a: Tensor, b: Tensor, output: Tensor) -> dict[str, object]:
    """The C fields on scales: both inputs on one scale with 20 bits more (15 of int16), float64 throughout.

    Raises:
        ModelError: the output's scale is so small that LiteRT shifts by a negative number of bits.
    """
    (a_scale, a_zero), (b_scale, b_zero), (out_scale, out_zero) = scale_zero(a), scale_zero(b), scale_zero(output)
    left_shift = _LEFT_SHIFT16 if output.dtype is DType.INT16 else LEFT_SHIFT
    twice = 2 * max(a_scale, b_scale)
    in1, in2 = quantize_multiplier(a_scale / twice), quantize_multiplier(b_scale / twice)
    out = quantize_multiplier(twice / ((1 << left_shift) * out_scale))
    if out[1] > 0:
        raise ModelError(
            f"{op.kind} {op.name!r}: an output scale of {out_scale:g} is less than {max(a_scale, b_scale):g} / "
            f"2^{left_shift - 1}, "
            "where LiteRT's sums are undefined",
            CALIBRATE,
        )
    low, high = activation_range(op.activation, output)
    return {
        "in1_multiplier": in1[0], "in1_shift": in1[1],
        "in2_multiplier": -in2[0] if op.kind is OpKind.SUB else in2[0], "in2_shift": in2[1],
        "out_multiplier": out[0], "out_shift": out[1],
        "in1_zero": a_zero, "in2_zero": b_zero, "out_zero": out_zero, "out_min": low, "out_max": high,
    }  # fmt: skip


def _powers(op: Op, *tensors: Tensor) -> tuple[int, ...] | None:
    """Exponents of the scales of int16 tensors that are added by shifts, as the file asks; None for others."""
    if not attrs_of(op, ArithmeticAttrs).by_shifts or tensors[0].dtype is not DType.INT16:
        return None
    logarithms = [log2(scale_zero(tensor)[0]) for tensor in tensors]
    powers = tuple(floor(value + 0.5) for value in logarithms)
    near = all(abs(value - power) < _NEAR_POWER for value, power in zip(logarithms, powers, strict=True))
    return powers if near else None


def is_by_shifts(op: Op, a: Tensor, b: Tensor, output: Tensor) -> bool:
    """Whether `ep_add_shifted_int16_ref` is what LiteRT computes."""
    return _powers(op, a, b, output) is not None


def _shift_fields(op: Op, powers: tuple[int, ...], output: Tensor) -> dict[str, object]:
    """The C fields of `ep_add_shifted_int16_ref`."""
    shifts = [power - powers[2] for power in powers[:2]]
    if max(shifts) > 0 or 0 not in shifts or min(shifts) < -15:
        raise UnsupportedOp(
            f"{op.kind} {op.name!r}: scales of 2^{powers[0]} and 2^{powers[1]} into 2^{powers[2]}: LiteRT shifts one "
            "input down, and only down",
            "convert the model again: today's converters write pot_scale_int16 = false",
        )
    low, high = activation_range(op.activation, output)
    return {
        "in1_shift": shifts[0], "in2_shift": shifts[1], "in2_multiplier": -1 if op.kind is OpKind.SUB else 1,
        "out_min": low, "out_max": high,
    }  # fmt: skip


def _scale_fields(op: Op, ends: tuple[Tensor, Tensor, Tensor], powers: tuple[int, ...] | None) -> dict[str, object]:
    return add_fields(op, *ends) if powers is None else _shift_fields(op, powers, ends[2])


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    pair = read_pair(graph, op, activation_type(graph, op))
    in1, in2 = operand(graph, op, 0), operand(graph, op, 1)
    ends, powers = (pair.a, pair.b, pair.output), None
    if all(tensor.qparams is not None for tensor in ends):
        powers = _powers(op, *ends)
        _scale_fields(op, ends, powers)  # refuses before anything is generated
    function = plain_name("ep_add" if powers is None else "ep_add_shifted", pair.a.dtype)

    def definitions(s: Symbols) -> str:
        fields = {"axes": axes_field(s, "axes", pair.axes), "rank": len(pair.axes)}
        return params(s, "ep_add_t", fields | _scale_fields(op, ends, powers))

    return KernelCall(
        function=function,
        emit=lambda s: f"{function}(&{s.layer}_params, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)});",
        sources=("ref/add.c",),
        headers=("ep_add.h",),
        constants=(axes_constant("axes", pair.axes), *in1.constants, *in2.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
        definitions=definitions,
    )


TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.ADD: _ref, OpKind.SUB: _ref}
