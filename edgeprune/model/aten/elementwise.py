"""Arithmetic on one or two tensors, with broadcasting."""

from __future__ import annotations

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import WEIGHTED, Activation, Constant, Draft, DraftOp, Fold, FoldKind
from edgeprune.model.record import Call, Ref

_KINDS = {
    "add": OpKind.ADD, "sub": OpKind.SUB, "mul": OpKind.MUL, "div": OpKind.MUL,
    "maximum": OpKind.MAXIMUM, "minimum": OpKind.MINIMUM,
}  # fmt: skip


@lowers(*_KINDS)
def binary(draft: Draft, call: Call) -> None:
    kind = _KINDS[call.target.removeprefix("aten.")]
    if call.args.get("alpha", 1) != 1:
        raise UnsupportedOp(f"{call.target} with alpha {call.args['alpha']} at {call.where}")
    if call.target == "aten.div" and _is_activation(draft, call.args["other"]):
        raise UnsupportedOp(f"division by a layer's output at {call.where}", hint="multiply by what is constant")
    other = call.args["other"]
    if call.target == "aten.div" and not isinstance(other, Ref):
        other = 1 / other
    _emit(draft, call, kind, [call.args["self"], other])


@lowers("rsub")
def rsub(draft: Draft, call: Call) -> None:
    _emit(draft, call, OpKind.SUB, [call.args["other"], call.args["self"]])


@lowers("neg")
def neg(draft: Draft, call: Call) -> None:
    _emit(draft, call, OpKind.MUL, [call.args["self"], -1])


def _emit(draft: Draft, call: Call, kind: OpKind, operands: list[Ref | float]) -> None:
    if _fold_constant(draft, call, kind, operands):
        return
    rank = len(draft.shape(call.outputs[0]))
    order = next(
        held.axes
        for operand in operands
        if (held := _activation(draft, operand)) is not None and len(held.axes) == rank
    )
    shape = tuple(draft.shape(call.outputs[0])[axis] for axis in order)
    inputs = [_operand(draft, call, operand, order) for operand in operands]
    draft.values[call.outputs[0]] = Activation(draft.emit(kind, call, inputs, shape), order)


def _operand(draft: Draft, call: Call, operand: Ref | float, order: tuple[int, ...]) -> int:
    """The operand's tensor with its axes in `order`, axes of length 1 put in front where its rank is lower."""
    held = _activation(draft, operand)
    if held is not None:
        if len(held.axes) < len(order):
            held = draft.plain(held)
            lead = len(order) - len(held.axes)
            shape = (1,) * lead + draft.tensors[held.tensor].shape
            held = Activation(draft.emit(OpKind.RESHAPE, call, [held.tensor], shape), tuple(range(len(order))))
        return draft.arranged(held, order).tensor
    if not isinstance(operand, Ref):
        return draft.add_scalar(f"{call.layer}.constant", operand)
    constant = _constant(draft, operand)
    if constant.shape:
        lead = len(order) - len(constant.shape)
        constant = constant.reshaped((1,) * lead + constant.shape).arranged(order)
    return draft.add_constant(f"{call.layer}.constant", constant)


def _fold_constant(draft: Draft, call: Call, kind: OpKind, operands: list[Ref | float]) -> bool:
    """A scale or shift per output channel goes into the convolution before it."""
    variable = [operand for operand in operands if _is_activation(draft, operand)]
    fixed = [operand for operand in operands if not _is_activation(draft, operand)]
    if len(variable) != 1 or kind not in (OpKind.ADD, OpKind.MUL) or not isinstance(fixed[0], Ref):
        return False
    assert isinstance(variable[0], Ref)
    producer = draft.foldable_producer(variable[0].value, WEIGHTED)
    constant = _constant(draft, fixed[0])
    rank = len(draft.shape(variable[0].value))
    axis = 1 - (rank - len(constant.shape))
    channels = draft.shape(variable[0].value)[1]
    per_channel = axis >= 0 and all(n == (channels if k == axis else 1) for k, n in enumerate(constant.shape))
    if producer is None or not per_channel or draft.shape(call.outputs[0]) != draft.shape(variable[0].value):
        return False
    _add_slices(draft, producer, constant.reshaped((channels,)), scales=kind is OpKind.MUL)
    names = {"factor" if kind is OpKind.MUL else "term": piece.name for piece in constant.slices}
    producer.folds.append(Fold(FoldKind.SCALE if kind is OpKind.MUL else FoldKind.SHIFT, names))
    draft.values[call.outputs[0]] = draft.values[variable[0].value]
    return True


def _add_slices(draft: Draft, producer: DraftOp, constant: Constant, scales: bool) -> None:
    channel_axis = 3 if producer.kind is OpKind.DEPTHWISE_CONV_2D else 0
    targets = [(producer.inputs[2], 0)] + ([(producer.inputs[1], channel_axis)] if scales else [])
    for tensor, axis in targets:
        rank = len(draft.tensors[tensor].shape)
        for piece in constant.slices:
            draft.attach(tensor, piece.name, tuple(piece.axes[0] if k == axis else None for k in range(rank)))
        if not constant.slices or constant.computed_at is not None:
            draft.computed.setdefault(tensor, constant.computed_at or "forward()")


def _activation(draft: Draft, operand: Ref | float) -> Activation | None:
    return draft.activation(operand.value) if isinstance(operand, Ref) and _is_activation(draft, operand) else None


def _is_activation(draft: Draft, operand: Ref | float) -> bool:
    return isinstance(operand, Ref) and not draft.is_constant(operand.value)


def _constant(draft: Draft, operand: Ref | float) -> Constant:
    assert isinstance(operand, Ref)
    held = draft.values[operand.value]
    assert isinstance(held, Constant)
    return held
