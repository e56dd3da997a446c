"""Convolutions: plain, grouped, depthwise, transposed; over images or, as images of height 1, over sequences."""

from __future__ import annotations

from typing import Any

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import CHANNELS_LAST, NO_PAD, Activation, Constant, Draft, layer_name
from edgeprune.model.record import Call

Pair = tuple[int, int]
Order = tuple[int, int, int, int]
_SEQUENCE = (0, 2, 1)  # (N, L, C)


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
    pad = tuple(extra + own for extra, own in zip(held.pad, (padding[0],) * 2 + (padding[1],) * 2, strict=True))
    name = layer_name(call, weight)
    kind, order = _kind_and_order(per_group, (0, 2, 3, 1), (1, 2, 3, 0))
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
    tensor = draft.emit_named(kind, name, inputs, shape, call.where, stride=stride, dilation=dilation, pad=pad)
    _keep(draft, call, name, tensor)


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
        held = draft.arranged(draft.activation(call.tensor("input")), CHANNELS_LAST)
    _, outputs, kh, kw = weight.shape
    n, h, w, _ = draft.tensors[held.tensor].shape
    shape = (n, (h - 1) * stride[0] - 2 * padding[0] + kh + extra[0],
             (w - 1) * stride[1] - 2 * padding[1] + kw + extra[1], outputs)  # fmt: skip
    cut = (padding[0], padding[0] - extra[0], padding[1], padding[1] - extra[1])
    attrs: dict[str, Any] = {"stride": stride, "pad": cut}
    kind, order = OpKind.TRANSPOSE_CONV, (1, 2, 3, 0)
    if stride == (1, 1):
        # An ordinary convolution with the kernel turned by 180 degrees, and exported as one.
        kind, order = _kind_and_order(weight.shape[0], (1, 2, 3, 0), (0, 2, 3, 1))
        attrs["dilation"] = (1, 1)
        attrs["pad"] = (kh - 1 - cut[0], kh - 1 - cut[1], kw - 1 - cut[2], kw - 1 - cut[3])
    constant = draft.add_constant(f"{name}.weight", weight.arranged(order))
    bias = draft.add_constant(f"{name}.bias", _bias_constant(draft, call, weight, axis=1))
    _keep(draft, call, name, draft.emit_named(kind, name, [held.tensor, constant, bias], shape, call.where, **attrs))


def _kind_and_order(per_group: int, plain: Order, depthwise: Order) -> tuple[OpKind, Order]:
    """One input channel per group makes a depthwise convolution, whose weight is laid out differently."""
    return (OpKind.DEPTHWISE_CONV_2D, depthwise) if per_group == 1 else (OpKind.CONV_2D, plain)


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
        raise UnsupportedOp(f"{call.layer} at {call.where}: a convolution over {rank - 2} dimensions")
    held = draft.arranged(draft.activation(value), _SEQUENCE)
    n, length, channels = draft.tensors[held.tensor].shape
    image = draft.emit(OpKind.RESHAPE, call, [held.tensor], (n, 1, length, channels))
    return Activation(image, CHANNELS_LAST)


def _keep(draft: Draft, call: Call, name: str, tensor: int) -> None:
    if len(draft.shape(call.outputs[0])) == 4:
        draft.values[call.outputs[0]] = Activation(tensor, CHANNELS_LAST)
        return
    n, _, length, channels = draft.tensors[tensor].shape
    flat = draft.emit_named(OpKind.RESHAPE, f"{name}.reshape", [tensor], (n, length, channels), call.where)
    draft.values[call.outputs[0]] = Activation(flat, _SEQUENCE)


def _weight(draft: Draft, call: Call) -> Constant:
    weight = draft.constant(call, "weight")
    return weight if len(weight.shape) == 4 else weight.reshaped((*weight.shape[:2], 1, weight.shape[2]))


def _bias_constant(draft: Draft, call: Call, weight: Constant, axis: int) -> Constant:
    if call.args["bias"] is None:
        return Constant((weight.shape[axis],))
    return draft.constant(call, "bias")


def _pair(call: Call, name: str, alone: int) -> Pair:
    """A per-dimension argument as (height, width); `alone` is the height's where there is only a length."""
    given = [int(n) for n in call.args[name]]
    return (alone, given[0]) if len(given) == 1 else (given[0], given[1])
