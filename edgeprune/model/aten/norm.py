"""Batch norm in eval mode: folded into the layer before it, else arithmetic with constants per channel."""

from __future__ import annotations

from torch import Tensor

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.fold import Fold, FoldKind
from edgeprune.model.recording import Call, Ref
from edgeprune.model.values import Activation, Constant, Formula, ParameterSlice, Values

_FOLDED_INTO_WEIGHT = ("weight", "running_var")
_FOLDED_INTO_BIAS = ("weight", "bias", "running_mean", "running_var")


@lowers("native_batch_norm")
def native_batch_norm(draft: Draft, call: Call) -> None:
    if call.args["training"] or call.args["running_mean"] is None:
        raise UnsupportedOp(
            f"{call.layer} at {call.where}: batch norm without running statistics",
            hint="build it with track_running_stats=True",
        )
    if not draft.constant(call, "running_mean").slices:
        raise UnsupportedOp(
            f"{call.layer} at {call.where}: batch norm over tensors that are not parameters or buffers of the module",
            hint="make the layer an attribute of the module, so that it is moved and saved with it",
        )
    value = call.tensor("input")
    producer = draft.folding_layer(value)
    if producer is None:
        _standalone(draft, call)
        return
    weight, bias = producer.inputs[1], producer.inputs[2]
    channel_axis = producer.traits.weight_output_axis
    assert channel_axis is not None
    draft.slices[weight] += _slices(draft, call, _FOLDED_INTO_WEIGHT, len(draft.tensors[weight].shape), channel_axis)
    draft.slices[bias] += _slices(draft, call, _FOLDED_INTO_BIAS, 1, 0)
    scale, shift = _scale(draft, call), _shift(draft, call)
    draft.scale_constant(weight, channel_axis, scale)
    draft.scale_constant(bias, 0, scale)
    draft.shift_constant(bias, 0, shift)
    producer.folds.append(_fold(draft, call))
    draft.values[call.outputs[0]] = draft.values[value]


def _standalone(draft: Draft, call: Call) -> None:
    """x * (weight / sqrt(var + eps)) + (bias - mean * weight / sqrt(var + eps)): one product, one sum."""
    value = call.tensor("input")
    held = draft.activation(value)
    tensor, rank = held.tensor, len(held.axes)
    axis = held.axes.index(1)
    shape = draft.tensors[tensor].shape
    steps = (
        (OpKind.MUL, "scale", _FOLDED_INTO_WEIGHT, _scale(draft, call)),
        (OpKind.ADD, "shift", _FOLDED_INTO_BIAS, _shift(draft, call)),
    )
    constant_shape = tuple(n if k == axis else 1 for k, n in enumerate(shape))
    for kind, name, roles, formula in steps:
        held_constant = Constant(
            constant_shape,
            lambda values, formula=formula: formula(values).reshape(constant_shape),  # type: ignore[misc]
            _slices(draft, call, roles, rank, axis),
        )
        constant = draft.add_constant(f"{call.layer}.{name}", held_constant)
        tensor = draft.emit(kind, call, [tensor, constant], shape)
    draft.producer(tensor).folds.append(_fold(draft, call))
    draft.values[call.outputs[0]] = Activation(tensor, held.axes)


def _scale(draft: Draft, call: Call) -> Formula:
    """weight / sqrt(var + eps), (channels,) float64."""
    weight, variance, eps = _role(draft, call, "weight"), _role(draft, call, "running_var"), float(call.args["eps"])

    def formula(values: Values) -> Tensor:
        assert variance is not None
        deviation = (variance(values).double() + eps).sqrt()
        return (1 if weight is None else weight(values).double()) / deviation

    return formula


def _shift(draft: Draft, call: Call) -> Formula:
    """bias - mean * weight / sqrt(var + eps), (channels,) float64."""
    scale, bias, mean = _scale(draft, call), _role(draft, call, "bias"), _role(draft, call, "running_mean")

    def formula(values: Values) -> Tensor:
        assert mean is not None
        return (0 if bias is None else bias(values).double()) - mean(values).double() * scale(values)

    return formula


def _role(draft: Draft, call: Call, name: str) -> Formula | None:
    return draft.constant(call, name).formula if isinstance(call.args[name], Ref) else None


def _fold(draft: Draft, call: Call) -> Fold:
    roles = [role for role in _FOLDED_INTO_BIAS if isinstance(call.args[role], Ref)]
    names = {role: draft.constant(call, role).slices[0].name for role in roles}
    return Fold(FoldKind.BATCH_NORM, names)


def _slices(
    draft: Draft, call: Call, names: tuple[str, ...], rank: int, channel_axis: int
) -> tuple[ParameterSlice, ...]:
    slices: list[ParameterSlice] = []
    for name in names:
        if not isinstance(call.args[name], Ref):
            continue
        for piece in draft.constant(call, name).slices:
            axes: list[int | None] = [None] * rank
            axes[channel_axis] = piece.axes[0]
            slices.append(ParameterSlice(piece.name, tuple(axes)))
    return tuple(slices)
