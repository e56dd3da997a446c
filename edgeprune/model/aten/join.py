"""Putting tensors together and taking them apart."""

from __future__ import annotations

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Activation, Draft
from edgeprune.model.record import Call


@lowers("cat")
def cat(draft: Draft, call: Call) -> None:
    values = [ref.value for ref in call.args["tensors"] if 0 not in draft.shape(ref.value)]
    held = _activations(draft, call, values)
    order = held[0].axes
    axis = order.index(int(call.args["dim"]) % len(order))
    _concatenate(draft, call, [draft.arranged(one, order).tensor for one in held], order, axis)


@lowers("stack")
def stack(draft: Draft, call: Call) -> None:
    shape = draft.shape(call.outputs[0])
    dim = int(call.args["dim"]) % len(shape)
    held = _activations(draft, call, [ref.value for ref in call.args["tensors"]])
    one = tuple(1 if axis == dim else n for axis, n in enumerate(shape))
    tensors = [draft.emit(OpKind.RESHAPE, call, [draft.plain(each).tensor], one) for each in held]
    _concatenate(draft, call, tensors, tuple(range(len(shape))), dim)


@lowers("split", "split_with_sizes", "chunk")
def split(draft: Draft, call: Call) -> None:
    """Each piece is a SLICE in the exported model."""
    held = draft.activation(call.tensor("self"))
    axis = held.axes.index(int(call.args["dim"]) % len(held.axes))
    start = 0
    for output in call.outputs:
        length = draft.shape(output)[held.axes[axis]]
        draft.values[output] = _slice(draft, call, held, axis, start, length, 1)
        start += length


@lowers("slice")
def slice_(draft: Draft, call: Call) -> None:
    value = call.tensor("self")
    if draft.shape(value) == draft.shape(call.outputs[0]):
        draft.values[call.outputs[0]] = draft.values[value]
        return
    held = draft.activation(value)
    dim = int(call.args["dim"]) % len(held.axes)
    start = min(max(_from_front(call.args["start"] or 0, draft.shape(value)[dim]), 0), draft.shape(value)[dim])
    length = draft.shape(call.outputs[0])[dim]
    draft.values[call.outputs[0]] = _slice(
        draft, call, held, held.axes.index(dim), start, length, int(call.args["step"])
    )


@lowers("select")
def select(draft: Draft, call: Call) -> None:
    held = draft.activation(call.tensor("self"))
    dim = int(call.args["dim"]) % len(held.axes)
    start = _from_front(int(call.args["index"]), draft.shape(call.tensor("self"))[dim])
    _drop(draft, call, call.outputs[0], _slice(draft, call, held, held.axes.index(dim), start, 1, 1), dim)


@lowers("unbind")
def unbind(draft: Draft, call: Call) -> None:
    held = draft.activation(call.tensor("self"))
    dim = int(call.args["dim"]) % len(held.axes)
    for index, output in enumerate(call.outputs):
        _drop(draft, call, output, _slice(draft, call, held, held.axes.index(dim), index, 1, 1), dim)


def _drop(draft: Draft, call: Call, output: int, held: Activation, dim: int) -> None:
    """Removes the axis of length 1."""
    at = held.axes.index(dim)
    shape = draft.tensors[held.tensor].shape
    kept = tuple(axis - (axis > dim) for axis in held.axes if axis != dim)
    tensor = draft.emit(OpKind.RESHAPE, call, [held.tensor], shape[:at] + shape[at + 1 :])
    draft.values[output] = Activation(tensor, kept)


def _slice(draft: Draft, call: Call, held: Activation, axis: int, start: int, length: int, step: int) -> Activation:
    shape = draft.tensors[held.tensor].shape
    begin = tuple(start if k == axis else 0 for k in range(len(shape)))
    size = tuple(length if k == axis else n for k, n in enumerate(shape))
    if size == shape:
        return held
    if step == 1:
        tensor = draft.emit(OpKind.SLICE, call, [held.tensor], size, begin=begin, size=size)
    else:
        end = tuple(start + (length - 1) * step + 1 if k == axis else n for k, n in enumerate(shape))
        strides = tuple(step if k == axis else 1 for k in range(len(shape)))
        tensor = draft.emit(
            OpKind.STRIDED_SLICE, call, [held.tensor], size, begin=begin, end=end, strides=strides, shrink_axes=()
        )
    return Activation(tensor, held.axes)


def _concatenate(draft: Draft, call: Call, tensors: list[int], order: tuple[int, ...], axis: int) -> None:
    shape = tuple(draft.shape(call.outputs[0])[dim] for dim in order)
    tensor = draft.emit(OpKind.CONCATENATION, call, tensors, shape, axis=axis)
    draft.values[call.outputs[0]] = Activation(tensor, order)


def _activations(draft: Draft, call: Call, values: list[int]) -> list[Activation]:
    if any(draft.is_constant(value) for value in values):
        raise UnsupportedOp(f"a constant joined to a layer's output at {call.where}")
    return [draft.activation(value) for value in values]


def _from_front(index: int, length: int) -> int:
    return index + length if index < 0 else index
