"""Upsampling and pixel shuffles."""

from __future__ import annotations

import torch

from edgeprune.engine.kernels.movement.resize import nearest_indices
from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind, ResizeAttrs
from edgeprune.model.aten.convolution import as_image, as_sequence
from edgeprune.model.aten.join import gathered
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call
from edgeprune.model.values import CHANNELS_LAST, Activation

_LEAST_DIFFERENCE = 1e-6  # of two scales, that float32 keeps apart
_NEAREST = (
    ResizeAttrs(align_corners=False, half_pixel_centers=False),
    ResizeAttrs(align_corners=False, half_pixel_centers=True),
    ResizeAttrs(align_corners=True, half_pixel_centers=False),
)

_NEAREST_OF = {
    "aten.upsample_nearest1d": torch.ops.aten.upsample_nearest1d,
    "aten.upsample_nearest2d": torch.ops.aten.upsample_nearest2d,
    "aten._upsample_nearest_exact1d": torch.ops.aten._upsample_nearest_exact1d,
    "aten._upsample_nearest_exact2d": torch.ops.aten._upsample_nearest_exact2d,
}


@lowers("upsample_nearest1d", "upsample_nearest2d", "_upsample_nearest_exact1d", "_upsample_nearest_exact2d")
def nearest(draft: Draft, call: Call) -> None:
    """RESIZE_NEAREST_NEIGHBOR where one of its modes takes the pixels torch takes, else GATHER of rows and columns."""
    held = _image(draft, call)
    sizes, target = draft.tensors[held.tensor].shape[1:3], _target(draft, call)
    places = [_places(call, axis, sizes[axis], target[axis]) for axis in (0, 1)]
    for attrs in _NEAREST:
        corners, half = attrs.align_corners, attrs.half_pixel_centers
        own = [nearest_indices(size, out, corners, half).tolist() for size, out in zip(sizes, target, strict=True)]
        if own == places:
            _resize(draft, call, held, OpKind.RESIZE_NEAREST_NEIGHBOR, attrs)
            return
    for axis in (0, 1):
        held = gathered(draft, call, held, 1 + axis, places[axis])
    _keep(draft, call, held)


@lowers("upsample_linear1d", "upsample_bilinear2d")
def linear(draft: Draft, call: Call) -> None:
    held, corners = _image(draft, call), bool(call.args["align_corners"])
    sizes, target = draft.tensors[held.tensor].shape[1:3], _target(draft, call)
    for axis in (0, 1):
        scale = _scale(call, axis)
        if not corners and scale and abs(1 / scale - sizes[axis] / target[axis]) > _LEAST_DIFFERENCE:
            raise UnsupportedOp(
                f"{call.layer} at {call.where}: {sizes[axis]} pixels times {scale:g} are not {target[axis]}",
                hint="give the size, or recompute_scale_factor=True",
            )
    attrs = ResizeAttrs(align_corners=corners, half_pixel_centers=not corners)
    _resize(draft, call, held, OpKind.RESIZE_BILINEAR, attrs)


@lowers("pixel_shuffle", "pixel_unshuffle", "channel_shuffle")
def shuffle(draft: Draft, call: Call) -> None:
    """A view, a permutation, a view."""
    value, output = call.tensor("self"), call.outputs[0]
    n, c, h, w = draft.shape(value)
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
    held = draft.viewed(draft.activation(value), draft.shape(value), split, call.layer, call.where)
    permuted = Activation(held.tensor, tuple(order.index(axis) for axis in held.axes))
    shape = tuple(split[axis] for axis in order)
    draft.values[output] = draft.viewed(permuted, shape, draft.shape(output), call.layer, call.where)


def _image(draft: Draft, call: Call) -> Activation:
    held = draft.activation(call.tensor("self"))
    return as_image(draft, call, held) if len(held.axes) == 3 else draft.arranged(held, CHANNELS_LAST)


def _keep(draft: Draft, call: Call, image: Activation) -> None:
    sequence = len(draft.shape(call.outputs[0])) == 3
    draft.values[call.outputs[0]] = as_sequence(draft, image, call.layer, call.where) if sequence else image


def _target(draft: Draft, call: Call) -> tuple[int, int]:
    """Rows and columns of the result."""
    shape = draft.shape(call.outputs[0])
    return (1, shape[2]) if len(shape) == 3 else (shape[2], shape[3])


def _scale(call: Call, axis: int) -> float | None:
    """What the user multiplies rows (0) or columns (1) with; None where a size was given."""
    given = call.args.get("scales") if axis else None
    scale = call.args.get(("scales_h", "scales_w")[axis], given)
    return None if scale is None else float(scale)


def _places(call: Call, axis: int, size: int, target: int) -> list[int]:
    """The row or column each one of the result is: torch's own answer for a line of numbers.

    Its kernels differ: images of two sizes ignore the factor that the user gave, sequences never do.
    """
    line, scale = torch.arange(size, dtype=torch.float32), _scale(call, axis)
    if call.target.endswith("1d"):
        taken = _NEAREST_OF[call.target](line[None, None], [target], scale) if axis else line
    else:
        taken = _NEAREST_OF[call.target](line[None, None, None], [1, target], None, scale)
    return [int(place) for place in taken.flatten()]


def _resize(draft: Draft, call: Call, held: Activation, kind: OpKind, attrs: ResizeAttrs) -> None:
    n, _, _, channels = draft.tensors[held.tensor].shape
    tensor = draft.emit(kind, call, [held.tensor], (n, *_target(draft, call), channels), attrs)
    _keep(draft, call, Activation(tensor, CHANNELS_LAST))
