"""Batch norm in eval mode: folded into the layer before it, else arithmetic with constants per channel."""

from __future__ import annotations

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import WEIGHTED, Activation, Draft, Fold, FoldKind, ParameterSlice
from edgeprune.model.record import Call, Ref

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
            f"{call.layer} at {call.where}: batch norm over tensors that are no parameters or buffers of the module",
            hint="make the layer an attribute of the module, so that it is moved and saved with it",
        )
    value = call.tensor("input")
    producer = draft.foldable_producer(value, WEIGHTED)
    if producer is None:
        _standalone(draft, call)
        return
    weight, bias = producer.inputs[1], producer.inputs[2]
    channel_axis = 3 if producer.kind is OpKind.DEPTHWISE_CONV_2D else 0
    draft.slices[weight] += _slices(draft, call, _FOLDED_INTO_WEIGHT, len(draft.tensors[weight].shape), channel_axis)
    draft.slices[bias] += _slices(draft, call, _FOLDED_INTO_BIAS, 1, 0)
    producer.folds.append(_fold(draft, call))
    draft.values[call.outputs[0]] = draft.values[value]


def _standalone(draft: Draft, call: Call) -> None:
    """The converter writes (x - mean) * rsqrt(var) * weight + bias: four operators over images, two over vectors."""
    value = call.tensor("input")
    held = draft.activation(value)
    tensor, rank = held.tensor, len(held.axes)
    axis = held.axes.index(1)
    shape = draft.tensors[tensor].shape
    steps: list[tuple[OpKind, tuple[str, ...]]]
    if rank == 4:
        steps = [(OpKind.SUB, ("running_mean",)), (OpKind.MUL, ("running_var",))]
        steps += [(OpKind.MUL, ("weight",)), (OpKind.ADD, ("bias",))] if call.args["weight"] is not None else []
    else:
        steps = [(OpKind.MUL, _FOLDED_INTO_WEIGHT), (OpKind.ADD, _FOLDED_INTO_BIAS)]
    for kind, names in steps:
        slices = _slices(draft, call, names, rank, axis)
        constant_shape = tuple(n if k == axis else 1 for k, n in enumerate(shape))
        constant = draft.add_sliced(f"{call.layer}.{names[0]}", constant_shape, slices)
        tensor = draft.emit(kind, call, [tensor, constant], shape)
    draft.producer(tensor).folds.append(_fold(draft, call))
    draft.values[call.outputs[0]] = Activation(tensor, held.axes)


def _fold(draft: Draft, call: Call) -> Fold:
    roles = [role for role in _FOLDED_INTO_BIAS if isinstance(call.args[role], Ref)]
    names = {role: draft.constant(call, role).slices[0].name for role in roles}
    return Fold(FoldKind.BATCH_NORM, names)


def _slices(
    draft: Draft, call: Call, names: tuple[str, ...], rank: int, channel_axis: int
) -> tuple[ParameterSlice, ...]:
    found: list[ParameterSlice] = []
    for name in names:
        if not isinstance(call.args[name], Ref):
            continue
        for piece in draft.constant(call, name).slices:
            axes: list[int | None] = [None] * rank
            axes[channel_axis] = piece.axes[0]
            found.append(ParameterSlice(piece.name, tuple(axes)))
    return tuple(found)
