"""Padding, upsampling and pixel shuffles."""

from __future__ import annotations

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import CHANNELS_LAST, Activation, Draft
from edgeprune.model.record import Call


@lowers("constant_pad_nd")
def constant_pad(draft: Draft, call: Call) -> None:
    """Zeros around an image stay pending: a convolution takes them into its own padding."""
    value = call.tensor("self")
    rank = len(draft.shape(value))
    given = [int(n) for n in call.args["pad"]]
    pads = {rank - 1 - k: (given[2 * k], given[2 * k + 1]) for k in range(len(given) // 2)}
    if min(given) < 0:
        raise UnsupportedOp(f"negative padding at {call.where}", hint="slice instead")
    zero = call.args["value"] in (None, 0, 0.0)
    if rank == 4 and zero and not any(any(pads.get(axis, (0, 0))) for axis in (0, 1)):
        held = draft.values[value]
        assert isinstance(held, Activation)
        around = (*pads.get(2, (0, 0)), *pads.get(3, (0, 0)))
        pad = tuple(had + more for had, more in zip(held.pad, around, strict=True))
        draft.values[call.outputs[0]] = Activation(held.tensor, held.axes, (pad[0], pad[1], pad[2], pad[3]))
        return
    held = draft.activation(value)
    padding = tuple(pads.get(axis, (0, 0)) for axis in held.axes)
    _pad(draft, call, held, OpKind.PAD if zero else OpKind.PADV2, padding)


@lowers("reflection_pad2d")
def reflection_pad(draft: Draft, call: Call) -> None:
    left, right, top, bottom = (int(n) for n in call.args["padding"])
    held = draft.arranged(draft.activation(call.tensor("self")), CHANNELS_LAST)
    _pad(draft, call, held, OpKind.MIRROR_PAD, ((0, 0), (top, bottom), (left, right), (0, 0)), mode="REFLECT")


@lowers("upsample_nearest2d")
def nearest(draft: Draft, call: Call) -> None:
    _resize(draft, call, OpKind.RESIZE_NEAREST_NEIGHBOR, align_corners=False, half_pixel_centers=True)


@lowers("upsample_bilinear2d")
def bilinear(draft: Draft, call: Call) -> None:
    corners = bool(call.args["align_corners"])
    _resize(draft, call, OpKind.RESIZE_BILINEAR, align_corners=corners, half_pixel_centers=not corners)


@lowers("pixel_shuffle", "pixel_unshuffle", "channel_shuffle")
def shuffle(draft: Draft, call: Call) -> None:
    """Reshapes and transposes in torch's order."""
    n, c, h, w = draft.shape(call.tensor("self"))
    split: tuple[int, ...]
    order: tuple[int, ...]
    if call.target == "aten.channel_shuffle":
        groups = int(call.args["groups"])
        split, order = (n, groups, c // groups, h, w), (0, 2, 1, 3, 4)
    elif call.target == "aten.pixel_shuffle":
        factor = int(call.args["upscale_factor"])
        split, order = (n, c // factor**2, factor, factor, h, w), (0, 1, 4, 2, 5, 3)
    else:
        factor = int(call.args["downscale_factor"])
        split, order = (n, c, h // factor, factor, w // factor, factor), (0, 1, 3, 5, 2, 4)
    held = draft.plain(draft.activation(call.tensor("self")))
    rows = draft.emit(OpKind.RESHAPE, call, [held.tensor], split)
    turned = draft.arranged(Activation(rows, tuple(range(len(split)))), order).tensor
    shape = draft.shape(call.outputs[0])
    draft.values[call.outputs[0]] = Activation(draft.emit(OpKind.RESHAPE, call, [turned], shape), (0, 1, 2, 3))


def _pad(
    draft: Draft, call: Call, held: Activation, kind: OpKind, padding: tuple[tuple[int, int], ...], **attrs: str
) -> None:
    inputs = [held.tensor] + (
        [draft.add_scalar(f"{call.layer}.value", float(call.args["value"]))] if kind is OpKind.PADV2 else []
    )
    shape = draft.tensors[held.tensor].shape
    padded = tuple(n + before + after for n, (before, after) in zip(shape, padding, strict=True))
    draft.values[call.outputs[0]] = Activation(
        draft.emit(kind, call, inputs, padded, padding=padding, **attrs), held.axes
    )


def _resize(draft: Draft, call: Call, kind: OpKind, align_corners: bool, half_pixel_centers: bool) -> None:
    held = draft.arranged(draft.activation(call.tensor("self")), CHANNELS_LAST)
    n, c, h, w = draft.shape(call.outputs[0])
    tensor = draft.emit(
        kind, call, [held.tensor], (n, h, w, c), align_corners=align_corners, half_pixel_centers=half_pixel_centers
    )
    draft.values[call.outputs[0]] = Activation(tensor, CHANNELS_LAST)
