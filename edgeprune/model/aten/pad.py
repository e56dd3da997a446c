"""Borders: zeros, other constants, mirrored and repeated elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeprune.ir import MirrorMode, MirrorPadAttrs, OpKind, PadAttrs
from edgeprune.model.aten.join import gathered, sliced
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call
from edgeprune.model.values import Activation


@lowers("constant_pad_nd")
def constant_pad(draft: Draft, call: Call) -> None:
    """Zeros around an image or a sequence stay pending: a convolution takes them into its own padding."""
    value, output = call.tensor("self"), call.outputs[0]
    rank = len(draft.shape(value))
    pads = _pads(call.args["pad"], rank)
    zero = call.args["value"] in (None, 0, 0.0)
    around = all(axis >= 2 and min(pad) >= 0 for axis, pad in pads.items() if any(pad))
    if rank in (3, 4) and zero and around:
        held = draft.values[value]
        assert isinstance(held, Activation)
        added = (*pads.get(rank - 2, (0, 0)), *pads[rank - 1]) if rank == 4 else (0, 0, *pads[2])
        pad = tuple(had + more for had, more in zip(held.pad, added, strict=True))
        draft.alias(output, value, Activation(held.tensor, held.axes, (pad[0], pad[1], pad[2], pad[3])))
        return
    held = draft.activation(value)
    for axis, (before, after) in pads.items():  # negative: taken off
        k = held.axes.index(axis)
        length = draft.tensors[held.tensor].shape[k] + min(before, 0) + min(after, 0)
        held = sliced(draft, call, held, k, max(-before, 0), length, 1)
    padding = tuple(_positive(pads.get(axis, (0, 0))) for axis in held.axes)
    if any(map(any, padding)):
        held = _padded(draft, call, held, OpKind.PAD if zero else OpKind.PADV2, PadAttrs(padding=padding))
    draft.values[output] = held


@lowers("reflection_pad1d", "reflection_pad2d")
def reflection_pad(draft: Draft, call: Call) -> None:
    held = draft.activation(call.tensor("self"))
    attrs = MirrorPadAttrs(padding=_padding(call, held), mode=MirrorMode.REFLECT)
    draft.values[call.outputs[0]] = _padded(draft, call, held, OpKind.MIRROR_PAD, attrs)


@lowers("replication_pad1d", "replication_pad2d")
def replication_pad(draft: Draft, call: Call) -> None:
    """One element at a border repeated is mirrored; for more, the places are gathered."""
    held = draft.activation(call.tensor("self"))
    padding = _padding(call, held)
    if max(map(max, padding)) <= 1:
        attrs = MirrorPadAttrs(padding=padding, mode=MirrorMode.SYMMETRIC)
        draft.values[call.outputs[0]] = _padded(draft, call, held, OpKind.MIRROR_PAD, attrs)
        return
    for k, (before, after) in enumerate(padding):
        length = draft.tensors[held.tensor].shape[k]
        held = gathered(draft, call, held, k, np.clip(np.arange(-before, length + after), 0, length - 1).tolist())
    draft.values[call.outputs[0]] = held


def _padding(call: Call, held: Activation) -> tuple[tuple[int, int], ...]:
    pads = _pads(call.args["padding"], len(held.axes))
    return tuple(pads.get(axis, (0, 0)) for axis in held.axes)


def _pads(given: Sequence[int], rank: int) -> dict[int, tuple[int, int]]:
    """Torch axis -> (before, after), from torch's list that begins with the last axis."""
    return {rank - 1 - k: (int(given[2 * k]), int(given[2 * k + 1])) for k in range(len(given) // 2)}


def _positive(pad: tuple[int, int]) -> tuple[int, int]:
    return max(pad[0], 0), max(pad[1], 0)


def _padded(draft: Draft, call: Call, held: Activation, kind: OpKind, attrs: PadAttrs) -> Activation:
    inputs = [held.tensor]
    if kind is OpKind.PADV2:
        inputs.append(draft.add_scalar(f"{call.layer}.value", float(call.args["value"])))
    shape = draft.tensors[held.tensor].shape
    padded = tuple(n + before + after for n, (before, after) in zip(shape, attrs.padding, strict=True))
    return Activation(draft.emit(kind, call, inputs, padded, attrs), held.axes)
