"""Convolutions: plain, grouped, depthwise, transposed; over images or, as images of height 1, over sequences."""

from __future__ import annotations

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import NO_PAD, Attrs, Conv2dAttrs, OpKind, Pair, TransposeConvAttrs
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call
from edgeprune.model.values import CHANNELS_LAST, Activation, Constant, channels_last, layer_name


@lowers("convolution")
def convolution(draft: Draft, call: Call) -> None:
    if call.args["transposed"]:
        _transposed(draft, call)
    else:
        _forward(draft, call)


def _forward(draft: Draft, call: Call) -> None:
    held, weight = _image(draft, call), _weight(draft, call)
    stride, padding, dilation = _pair(call, "stride", 1), _pair(call, "padding", 0), _pair(call, "dilation", 1)
    groups = int(call.args["groups"])
    outputs, per_group, kh, kw = weight.shape
    top, bottom, left, right = held.pad
    pad = (top + padding[0], bottom + padding[0], left + padding[1], right + padding[1])
    name = layer_name(call, weight)
    # one input channel for each of several groups makes a depthwise convolution, whose weight is laid out differently
    depthwise = per_group == 1 and groups > 1
    kind: OpKind = OpKind.DEPTHWISE_CONV_2D if depthwise else OpKind.CONV_2D
    order = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
    constant = draft.add_constant(f"{name}.weight", weight.arranged(order))
    inputs = [held.tensor, constant, draft.add_constant(f"{name}.bias", _bias_constant(draft, call, weight, axis=0))]
    n, h, w, channels = draft.tensors[held.tensor].shape
    if per_group * groups != channels:
        raise UnsupportedOp(f"{name} at {call.where}: {groups} groups of {per_group} over {channels} channels")
    shape = (
        n,
        (h + pad[0] + pad[1] - dilation[0] * (kh - 1) - 1) // stride[0] + 1,
        (w + pad[2] + pad[3] - dilation[1] * (kw - 1) - 1) // stride[1] + 1,
        outputs,
    )
    attrs = Conv2dAttrs(stride=stride, pad=pad, dilation=dilation)
    _keep(draft, call, name, draft.emit_named(kind, name, inputs, shape, call.where, attrs))


def _transposed(draft: Draft, call: Call) -> None:
    held, weight = _image(draft, call), _weight(draft, call)
    stride, padding = _pair(call, "stride", 1), _pair(call, "padding", 0)
    extra = _pair(call, "output_padding", 0)
    name = layer_name(call, weight)
    if int(call.args["groups"]) != 1 or _pair(call, "dilation", 1) != (1, 1):
        raise UnsupportedOp(
            f"{name} at {call.where}: a transposed convolution with groups or dilation has no TFLite operator",
            hint="upsample and use an ordinary grouped convolution",
        )
    if held.pad != NO_PAD:
        padded = draft.activation(call.tensor("input"))
        image = len(padded.axes) == 4
        held = draft.arranged(padded, CHANNELS_LAST) if image else as_image(draft, call, padded)
    _, outputs, kh, kw = weight.shape
    n, h, w, _ = draft.tensors[held.tensor].shape
    shape = (n, (h - 1) * stride[0] - 2 * padding[0] + kh + extra[0],
             (w - 1) * stride[1] - 2 * padding[1] + kw + extra[1], outputs)  # fmt: skip
    cut = (padding[0], padding[0] - extra[0], padding[1], padding[1] - extra[1])
    attrs: Attrs = TransposeConvAttrs(stride=stride, pad=cut)
    kind, order = OpKind.TRANSPOSE_CONV, (1, 2, 3, 0)
    filters = weight
    around = (kh - 1 - cut[0], kh - 1 - cut[1], kw - 1 - cut[2], kw - 1 - cut[3])
    if stride == (1, 1) and min(around) >= 0:  # an ordinary convolution with the kernel turned by 180 degrees
        kind, filters, attrs = OpKind.CONV_2D, weight.turned((2, 3)), Conv2dAttrs(pad=around)
    constant = draft.add_constant(f"{name}.weight", filters.arranged(order))
    bias = draft.add_constant(f"{name}.bias", _bias_constant(draft, call, weight, axis=1))
    _keep(draft, call, name, draft.emit_named(kind, name, [held.tensor, constant, bias], shape, call.where, attrs))


def _image(draft: Draft, call: Call) -> Activation:
    """The input as (N, H, W, C), zeros around it still pending; a sequence (N, C, L) as (N, 1, L, C)."""
    value = call.tensor("input")
    rank = len(draft.shape(value))
    held = draft.values[value]
    if not isinstance(held, Activation):
        raise UnsupportedOp(f"a convolution at {call.where} reads a constant")
    if rank == 4:
        return draft.arranged(held, CHANNELS_LAST)
    if rank != 3:
        raise UnsupportedOp(
            f"{call.layer} at {call.where}: a convolution over {rank - 2} dimensions",
            hint="put frames or slices beside each other as channels, and use Conv2d",
        )
    return as_image(draft, call, held)


def _keep(draft: Draft, call: Call, name: str, tensor: int) -> None:
    image = Activation(tensor, CHANNELS_LAST)
    draft.values[call.outputs[0]] = image
    if len(draft.shape(call.outputs[0])) == 3:
        draft.values[call.outputs[0]] = as_sequence(draft, image, f"{name}.reshape", call.where)


def as_image(draft: Draft, call: Call, held: Activation) -> Activation:
    """A sequence (N, C, L) as an image (N, C, 1, L), zeros at its ends still pending."""
    held = draft.arranged(held, channels_last(3))
    n, length, channels = draft.tensors[held.tensor].shape
    image = draft.emit(OpKind.RESHAPE, call, [held.tensor], (n, 1, length, channels))
    return Activation(image, CHANNELS_LAST, held.pad)


def as_sequence(draft: Draft, image: Activation, name: str, where: str) -> Activation:
    """An image (N, C, 1, L), which nobody else reads, as a sequence; what comes next may still be fused into its
    layer."""
    n, _, length, channels = draft.tensors[image.tensor].shape
    flat = draft.emit_named(OpKind.RESHAPE, name, [image.tensor], (n, length, channels), where)
    draft.credit(flat, image.tensor)
    return Activation(flat, channels_last(3))


def _weight(draft: Draft, call: Call) -> Constant:
    weight = draft.constant(call, "weight")
    return weight if len(weight.shape) == 4 else weight.reshaped((*weight.shape[:2], 1, weight.shape[2]))


def _bias_constant(draft: Draft, call: Call, weight: Constant, axis: int) -> Constant:
    if call.args["bias"] is None:
        return Constant.zeros(weight.shape[axis])
    return draft.constant(call, "bias")


def _pair(call: Call, name: str, alone: int) -> Pair:
    """A per-dimension argument as (height, width); `alone` is the height's where there is only a length."""
    given = [int(n) for n in call.args[name]]
    return (alone, given[0]) if len(given) == 1 else (given[0], given[1])
