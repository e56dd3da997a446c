"""Comparisons, and what is chosen by them: conditions are zeros and ones."""

from __future__ import annotations

from collections.abc import Callable

import torch

from edgeprune.ir import ARGUMENT, Operand, OpKind, Term
from edgeprune.model.aten.elementwise import Given, activation_of, combined, constant_of, emit, then
from edgeprune.model.aten.functions import apply
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call, Ref
from edgeprune.model.values import Activation, Constant

_COMPARED = {  # operator -> what holds, and whether its operands change places
    "gt": (OpKind.GREATER, False), "ge": (OpKind.GREATER_EQUAL, False),
    "lt": (OpKind.GREATER, True), "le": (OpKind.GREATER_EQUAL, True),
    "eq": (OpKind.EQUAL, False),
}  # fmt: skip
_EXCLUDED = -1e4  # in the place of minus infinity, which attention adds to what it must not see


@lowers(*_COMPARED)
def compare(draft: Draft, call: Call) -> None:
    """Of two tensors by their difference."""
    kind, swapped = _COMPARED[call.target.removeprefix("aten.")]
    then_of(draft, call, lambda other: Term(kind, (other, ARGUMENT) if swapped else (ARGUMENT, other)))


@lowers("ne")
def differ(draft: Draft, call: Call) -> None:
    then_of(draft, call, lambda other: 1.0 - Term(OpKind.SELECT_V2, (Term(OpKind.EQUAL, (ARGUMENT, other)), 1.0, 0.0)))


@lowers("logical_and", "bitwise_and")
def both(draft: Draft, call: Call) -> None:
    emit(draft, call, OpKind.MUL, [call.args["self"], call.args["other"]])


@lowers("logical_or", "bitwise_or")
def either(draft: Draft, call: Call) -> None:
    emit(draft, call, OpKind.MAXIMUM, [call.args["self"], call.args["other"]])


@lowers("logical_not", "bitwise_not")
def opposite(draft: Draft, call: Call) -> None:
    draft.values[call.outputs[0]] = _held(_left(draft, call, call.args["self"]))


@lowers("where")
def where(draft: Draft, call: Call) -> None:
    """The one times the condition and the other times what is left of it: zeros and ones, exact in int8."""
    condition, shape = call.args["condition"], draft.shape(call.outputs[0])
    parts: list[Given] = []
    for choice, given in ((condition, call.args["self"]), (None, call.args["other"])):
        if not _is_zero(given):
            parts.append(_part(draft, call, _left(draft, call, condition) if choice is None else choice, given, shape))
    if len(parts) == 1:
        draft.values[call.outputs[0]] = _held(parts[0])
    else:
        emit(draft, call, OpKind.ADD, parts)


def then_of(draft: Draft, call: Call, term: Callable[[Operand], Term]) -> None:
    """A FUNCTION of the first operand and a number, or of the difference of two tensors and zero."""
    other = call.args["other"]
    if isinstance(other, Ref):
        emit(draft, call, OpKind.SUB, [call.args["self"], other])
        then(draft, call, term(0.0))
        return
    held = draft.activation(call.tensor("self"))
    draft.values[call.outputs[0]] = Activation(apply(draft, call, held.tensor, term(float(other))), held.axes)


def _left(draft: Draft, call: Call, condition: Ref) -> Given:
    """One where the condition is zero."""
    held = activation_of(draft, condition)
    if held is None:
        return constant_of(draft, condition).changed(lambda values: 1.0 - values.float())
    return Activation(apply(draft, call, held.tensor, 1.0 - ARGUMENT), held.axes)


def _part(draft: Draft, call: Call, choice: Given, given: Ref | float, shape: tuple[int, ...]) -> Given:
    """Where the choice is one the value given, zero elsewhere."""
    held = activation_of(draft, choice)
    number = _number(given)
    if number is not None and held is not None:
        return Activation(apply(draft, call, held.tensor, ARGUMENT * number), held.axes)
    if number is not None:
        return constant_of(draft, choice).changed(lambda values: values.float() * number)
    assert isinstance(given, Ref)
    if held is None and draft.is_constant(given.value):
        other = constant_of(draft, given).formula
        both = constant_of(draft, choice)
        return Constant(shape, lambda values: torch.where(both.formula(values) != 0, other(values), 0.0).expand(shape))
    if held is None:
        choice = constant_of(draft, choice).changed(torch.Tensor.float)
    return combined(draft, call, OpKind.MUL, [choice, given], shape)


def _number(given: Ref | float) -> float | None:
    return None if isinstance(given, Ref) else max(float(given), _EXCLUDED)


def _is_zero(given: Ref | float) -> bool:
    return not isinstance(given, Ref) and given == 0


def _held(given: Given) -> Activation | Constant:
    assert isinstance(given, Activation | Constant)
    return given
