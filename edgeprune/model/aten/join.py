"""Concatenation, stacking, splitting and slicing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import ConcatenationAttrs, Conv2dAttrs, GatherAttrs, OpKind, SliceAttrs, StridedSliceAttrs
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.literal import literal
from edgeprune.model.recording import Call, Ref
from edgeprune.model.values import Activation, Constant


@lowers("cat")
def cat(draft: Draft, call: Call) -> None:
    values = [ref.value for ref in call.args["tensors"] if 0 not in draft.shape(ref.value)]
    if len(values) == 1:
        draft.alias(call.outputs[0], values[0])
        return
    order = next(draft.activation(value).axes for value in values if not draft.is_constant(value))
    axis = order.index(int(call.args["dim"]) % len(order))
    _concatenate(draft, call, [_in_order(draft, call, value, order) for value in values], order, axis)


@lowers("stack")
def stack(draft: Draft, call: Call) -> None:
    shape = draft.shape(call.outputs[0])
    dim = int(call.args["dim"]) % len(shape)
    one = tuple(1 if axis == dim else n for axis, n in enumerate(shape))
    own = shape[:dim] + shape[dim + 1 :]
    viewed: list[Activation | Constant] = []
    for ref in call.args["tensors"]:
        held = draft.values[ref.value]
        if isinstance(held, Constant):
            viewed.append(held.reshaped(one))
        else:
            viewed.append(draft.viewed(draft.activation(ref.value), own, one, call.layer, call.where))
    order = next(each.axes for each in viewed if isinstance(each, Activation))
    if len(viewed) == 1:
        draft.values[call.outputs[0]] = viewed[0]
        return
    tensors = [
        draft.add_constant(f"{call.layer}.constant", each.arranged(order))
        if isinstance(each, Constant)
        else draft.arranged(each, order).tensor
        for each in viewed
    ]
    _concatenate(draft, call, tensors, order, order.index(dim))


@lowers("split", "split_with_sizes", "chunk")
def split(draft: Draft, call: Call) -> None:
    """Each piece is a SLICE."""
    held = draft.activation(call.tensor("self"))
    axis = held.axes.index(int(call.args["dim"]) % len(held.axes))
    start = 0
    for output in call.outputs:
        length = draft.shape(output)[held.axes[axis]]
        if len(call.outputs) == 1:
            draft.alias(output, call.tensor("self"))
            return
        draft.values[output] = sliced(draft, call, held, axis, start, length, 1)
        start += length


@lowers("slice")
def slice_(draft: Draft, call: Call) -> None:
    value = call.tensor("self")
    if draft.shape(value) == draft.shape(call.outputs[0]):
        draft.alias(call.outputs[0], value)
        return
    held = draft.activation(value)
    dim = int(call.args["dim"]) % len(held.axes)
    start = min(max(_from_front(call.args["start"] or 0, draft.shape(value)[dim]), 0), draft.shape(value)[dim])
    length, step = draft.shape(call.outputs[0])[dim], int(call.args["step"])
    if step == 1 and _pads_less(draft, value, held, dim, start, length):
        draft.alias(call.outputs[0], value, held)
        return
    draft.values[call.outputs[0]] = sliced(draft, call, held, held.axes.index(dim), start, length, step)
    draft.note_view(call.outputs[0], value)


def _pads_less(draft: Draft, value: int, held: Activation, dim: int, start: int, length: int) -> bool:
    """Rows or columns taken off a convolution that padding made: it pads that much less. Causal convolutions do so."""
    op, rank = draft.sole_producer(value), len(held.axes)
    if op is None or not isinstance(op.attrs, Conv2dAttrs) or dim < 2:
        return False
    along = dim - rank + 2  # 0: rows, 1: columns
    own, step = op.attrs.pad[2 * along : 2 * along + 2], op.attrs.stride[along]
    taken = start, draft.shape(value)[dim] - start - length
    left = own[0] - step * taken[0], own[1] - step * taken[1]
    if min(left) < 0:
        return False
    op.attrs = replace(op.attrs, pad=(*left, *op.attrs.pad[2:]) if along == 0 else (*op.attrs.pad[:2], *left))
    for tensor in {op.outputs[0], held.tensor}:
        axis = 1 + along if tensor == op.outputs[0] else held.axes.index(dim)
        draft.shorten(tensor, axis, length)
    return True


@lowers("select")
def select(draft: Draft, call: Call) -> None:
    held = draft.activation(call.tensor("self"))
    dim = int(call.args["dim"]) % len(held.axes)
    start = _from_front(int(call.args["index"]), draft.shape(call.tensor("self"))[dim])
    _drop(draft, call, call.outputs[0], sliced(draft, call, held, held.axes.index(dim), start, 1, 1), dim)


@lowers("unbind")
def unbind(draft: Draft, call: Call) -> None:
    held = draft.activation(call.tensor("self"))
    dim = int(call.args["dim"]) % len(held.axes)
    for index, output in enumerate(call.outputs):
        _drop(draft, call, output, sliced(draft, call, held, held.axes.index(dim), index, 1, 1), dim)


def _drop(draft: Draft, call: Call, output: int, held: Activation, dim: int) -> None:
    """Removes the axis of length 1."""
    after = draft.shape(output)
    before = (*after[:dim], 1, *after[dim:])
    draft.values[output] = draft.viewed(held, before, after, call.layer, call.where)


def sliced(draft: Draft, call: Call, held: Activation, axis: int, start: int, length: int, step: int) -> Activation:
    shape = draft.tensors[held.tensor].shape
    begin = tuple(start if k == axis else 0 for k in range(len(shape)))
    size = tuple(length if k == axis else n for k, n in enumerate(shape))
    if size == shape:
        return held
    if step == 1:
        tensor = draft.emit(OpKind.SLICE, call, [held.tensor], size, SliceAttrs(begin=begin, size=size))
    else:
        end = tuple(start + (length - 1) * step + 1 if k == axis else n for k, n in enumerate(shape))
        strides = tuple(step if k == axis else 1 for k in range(len(shape)))
        attrs = StridedSliceAttrs(begin=begin, end=end, strides=strides)
        tensor = draft.emit(OpKind.STRIDED_SLICE, call, [held.tensor], size, attrs)
    return Activation(tensor, held.axes)


def gathered(draft: Draft, call: Call, held: Activation, axis: int, places: Sequence[int]) -> Activation:
    """The elements at these places along an axis of the tensor."""
    shape = draft.tensors[held.tensor].shape
    if list(places) == list(range(shape[axis])):
        return held
    target = (*shape[:axis], len(places), *shape[axis + 1 :])
    indices = draft.add_indices(f"{call.layer}.places", places)
    tensor = draft.emit(OpKind.GATHER, call, [held.tensor, indices], target, GatherAttrs(axis=axis))
    return Activation(tensor, held.axes)


def _concatenate(draft: Draft, call: Call, tensors: list[int], order: tuple[int, ...], axis: int) -> None:
    shape = tuple(draft.shape(call.outputs[0])[dim] for dim in order)
    tensor = draft.emit(OpKind.CONCATENATION, call, tensors, shape, ConcatenationAttrs(axis=axis))
    draft.values[call.outputs[0]] = Activation(tensor, order)


def _in_order(draft: Draft, call: Call, value: int, order: tuple[int, ...]) -> int:
    """The tensor of a recorded value, constant or not, with its axes in `order`."""
    held = draft.values[value]
    if isinstance(held, Constant):
        return draft.add_constant(f"{call.layer}.constant", held.arranged(order))
    return draft.arranged(draft.activation(value), order).tensor


@lowers("index_select")
def index_select(draft: Draft, call: Call) -> None:
    value, dim = call.tensor("self"), int(call.args["dim"])
    _gather(draft, call, dim % len(draft.shape(value)), _places(draft, call, call.args["index"]))


@lowers("index")
def index(draft: Draft, call: Call) -> None:
    """x[:, [2, 0]]: places along one axis."""
    given = [(dim, one) for dim, one in enumerate(call.args["indices"]) if one is not None]
    if len(given) != 1 or len(draft.shape(given[0][1].value)) != 1:
        raise UnsupportedOp(f"{call.layer} at {call.where}: an index of {len(given)} tensors", hint="index one axis")
    _gather(draft, call, given[0][0], _places(draft, call, given[0][1]))


def _gather(draft: Draft, call: Call, dim: int, places: list[int]) -> None:
    held = draft.activation(call.tensor("self"))
    length = draft.shape(call.tensor("self"))[dim]
    wanted = [_from_front(place, length) for place in places]
    draft.values[call.outputs[0]] = gathered(draft, call, held, held.axes.index(dim), wanted)


def _places(draft: Draft, call: Call, ref: Ref) -> list[int]:
    known = literal(draft.recording, ref.value)
    if known is None:
        raise UnsupportedOp(
            f"{call.layer} at {call.where}: places that are no numbers in the code",
            hint="write the indices as a list or torch.tensor([...]) in forward()",
        )
    if known.dtype == torch.bool:
        known = known.nonzero().flatten()
    return [int(place) for place in known.tolist()]


def _from_front(index: int, length: int) -> int:
    return index + length if index < 0 else index
