"""Arithmetic on one or two tensors, with broadcasting."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from edgeprune.ir import ARGUMENT, Expression, OpKind, Term
from edgeprune.model.aten.functions import apply
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft, DraftOp
from edgeprune.model.fold import Fold, FoldKind
from edgeprune.model.recording import Call, Ref
from edgeprune.model.values import Activation, Constant, Values

_KINDS = {
    "add": OpKind.ADD, "sub": OpKind.SUB, "mul": OpKind.MUL, "maximum": OpKind.MAXIMUM, "minimum": OpKind.MINIMUM,
}  # fmt: skip

_EXCLUDED = 1e4

Given = Ref | float | Activation | Constant
"""An operand: a recorded value, a number, or what has been made of either."""


@lowers(*_KINDS)
def binary(draft: Draft, call: Call) -> None:
    other = _times(draft, call, call.args["other"], call.args.get("alpha", 1))
    emit(draft, call, _KINDS[call.target.removeprefix("aten.")], [call.args["self"], other])


@lowers("rsub")
def rsub(draft: Draft, call: Call) -> None:
    emit(draft, call, OpKind.SUB, [call.args["other"], _times(draft, call, call.args["self"], call.args["alpha"])])


@lowers("neg")
def neg(draft: Draft, call: Call) -> None:
    emit(draft, call, OpKind.MUL, [call.args["self"], -1])


@lowers("square")
def square(draft: Draft, call: Call) -> None:
    emit(draft, call, OpKind.MUL, [call.args["self"], call.args["self"]])


@lowers("div")
def divide(draft: Draft, call: Call) -> None:
    """A product with the inverse, which is a constant's or a FUNCTION's."""
    emit(draft, call, OpKind.MUL, [call.args["self"], _inverse(draft, call, call.args["other"])])
    mode = call.args.get("rounding_mode")
    if mode is not None:
        down = Term(OpKind.FLOOR, (ARGUMENT,))
        to_zero = Term(OpKind.SIGN, (ARGUMENT,)) * Term(OpKind.FLOOR, (Term(OpKind.ABS, (ARGUMENT,)),))
        then(draft, call, down if mode == "floor" else to_zero)


def then(draft: Draft, call: Call, term: Expression) -> None:
    """A FUNCTION of what the call's output holds so far."""
    held = draft.values[call.outputs[0]]
    assert isinstance(held, Activation)
    draft.values[call.outputs[0]] = Activation(apply(draft, call, held.tensor, term), held.axes)


def _inverse(draft: Draft, call: Call, other: Ref | float) -> Given:
    if not isinstance(other, Ref):
        return 1 / other
    if draft.is_constant(other.value):
        return constant_of(draft, other).changed(lambda values: 1 / values)
    held = draft.activation(other.value)
    return Activation(apply(draft, call, held.tensor, 1.0 / ARGUMENT), held.axes)


def _times(draft: Draft, call: Call, given: Ref | float, factor: float) -> Given:
    """The second operand of a sum with the factor that torch lets a caller give."""
    if factor == 1:
        return given
    if not isinstance(given, Ref):
        return given * factor
    if draft.is_constant(given.value):
        return constant_of(draft, given).changed(lambda values: values * factor)
    return combined(draft, call, OpKind.MUL, [given, factor], draft.shape(given.value))


def emit(draft: Draft, call: Call, kind: OpKind, operands: list[Given]) -> None:
    """An operator of two operands as the call's first output, folded into the layer before it where that can be."""
    if not _fold_constant(draft, call, kind, operands):
        output = call.outputs[0]
        draft.values[output] = combined(draft, call, kind, operands, draft.shape(output))


def combined(draft: Draft, call: Call, kind: OpKind, operands: list[Given], shape: tuple[int, ...]) -> Activation:
    """An operator of two operands, broadcast to a torch shape."""
    order = next(
        held.axes
        for operand in operands
        if (held := activation_of(draft, operand)) is not None and len(held.axes) == len(shape)
    )
    inputs = [_operand(draft, call, operand, order) for operand in operands]
    return Activation(draft.emit(kind, call, inputs, tuple(shape[axis] for axis in order)), order)


def _operand(draft: Draft, call: Call, operand: Given, order: tuple[int, ...]) -> int:
    """The operand's tensor with its axes in `order`, axes of length 1 put in front where its rank is lower."""
    held = activation_of(draft, operand)
    if held is not None:
        if len(held.axes) < len(order):
            own = torch_shape(draft, held)
            held = draft.viewed(held, own, (1,) * (len(order) - len(own)) + own, call.layer, call.where)
        return draft.arranged(held, order).tensor
    if isinstance(operand, int | float):
        return draft.add_scalar(f"{call.layer}.constant", operand)
    constant = _finite(constant_of(draft, operand))
    if constant.shape:
        lead = len(order) - len(constant.shape)
        constant = constant.reshaped((1,) * lead + constant.shape).arranged(order)
    return draft.add_constant(f"{call.layer}.constant", constant)


def _finite(constant: Constant) -> Constant:
    """With -1e4 where attention adds minus infinity to what it must not see: a softmax makes zero of both."""
    inner = constant.formula

    def formula(values: Values) -> Tensor:
        return inner(values).float().nan_to_num(nan=float("nan"), posinf=_EXCLUDED, neginf=-_EXCLUDED)

    return replace(constant, formula=formula)


def torch_shape(draft: Draft, held: Activation) -> tuple[int, ...]:
    """The shape torch has for it."""
    own = draft.tensors[held.tensor].shape
    return tuple(own[held.axes.index(axis)] for axis in range(len(held.axes)))


def _fold_constant(draft: Draft, call: Call, kind: OpKind, operands: list[Given]) -> bool:
    """A scale or shift per output channel goes into the convolution before it."""
    variable = [operand for operand in operands if _is_activation(draft, operand)]
    fixed = [operand for operand in operands if not _is_activation(draft, operand)]
    if len(variable) != 1 or kind not in (OpKind.ADD, OpKind.MUL) or isinstance(fixed[0], int | float):
        return False
    if not isinstance(variable[0], Ref):
        return False
    producer = draft.folding_layer(variable[0].value)
    constant = constant_of(draft, fixed[0])
    rank = len(draft.shape(variable[0].value))
    axis = 1 - (rank - len(constant.shape))
    channels = draft.shape(variable[0].value)[1]
    per_channel = axis >= 0 and all(n == (channels if k == axis else 1) for k, n in enumerate(constant.shape))
    if producer is None or not per_channel or draft.shape(call.outputs[0]) != draft.shape(variable[0].value):
        return False
    per_channel_constant = constant.reshaped((channels,))
    _add_slices(draft, producer, per_channel_constant, scales=kind is OpKind.MUL)
    weight, bias, formula = producer.inputs[1], producer.inputs[2], per_channel_constant.formula
    if kind is OpKind.MUL:
        draft.scale_constant(weight, 3 if producer.kind is OpKind.DEPTHWISE_CONV_2D else 0, formula)
        draft.scale_constant(bias, 0, formula)
    else:
        draft.shift_constant(bias, 0, formula)
    names = {"factor" if kind is OpKind.MUL else "term": piece.name for piece in constant.slices}
    producer.folds.append(Fold(FoldKind.SCALE if kind is OpKind.MUL else FoldKind.SHIFT, names))
    draft.values[call.outputs[0]] = draft.values[variable[0].value]
    return True


def _add_slices(draft: Draft, producer: DraftOp, constant: Constant, scales: bool) -> None:
    targets: list[tuple[int, int | None]] = [(producer.inputs[2], 0)]
    if scales:
        targets.append((producer.inputs[1], producer.traits.weight_output_axis))
    for tensor, axis in targets:
        rank = len(draft.tensors[tensor].shape)
        for piece in constant.slices:
            draft.attach(tensor, piece.name, tuple(piece.axes[0] if k == axis else None for k in range(rank)))
        if not constant.slices or constant.computed_at is not None:
            draft.computed.setdefault(tensor, constant.computed_at or "forward()")


def activation_of(draft: Draft, operand: Given) -> Activation | None:
    """The operand where it is an activation, any pending padding applied."""
    if isinstance(operand, Activation):
        return operand
    return draft.activation(operand.value) if isinstance(operand, Ref) and _is_activation(draft, operand) else None


def _is_activation(draft: Draft, operand: Given) -> bool:
    if isinstance(operand, Ref):
        return not draft.is_constant(operand.value)
    return isinstance(operand, Activation)


def constant_of(draft: Draft, operand: Given) -> Constant:
    """The operand, which is a constant tensor."""
    held = draft.values[operand.value] if isinstance(operand, Ref) else operand
    assert isinstance(held, Constant)
    return held
