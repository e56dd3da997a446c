"""Average and maximum pools over windows."""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import CHANNELS_LAST, Activation, Draft
from edgeprune.model.record import Call

Pair = tuple[int, int]


@lowers("max_pool2d_with_indices")
def max_pool(draft: Draft, call: Call) -> None:
    if _pair(call.args["dilation"]) != (1, 1):
        raise UnsupportedOp(f"{call.layer} at {call.where}: a maximum pool with dilation")
    _window(draft, call, OpKind.MAX_POOL_2D)


@lowers("avg_pool2d")
def average_pool(draft: Draft, call: Call) -> None:
    if call.args["divisor_override"] is not None:
        raise UnsupportedOp(f"{call.layer} at {call.where}: an average pool with its own divisor")
    padded = _pair(call.args["padding"]) != (0, 0)
    if padded and not call.args["count_include_pad"] and _uneven(draft, call):
        raise UnsupportedOp(
            f"{call.layer} at {call.where}: padding left out of the average, which TFLite knows only where the "
            "output is the input's size divided by the stride",
            hint="use count_include_pad=True or no padding",
        )
    _window(draft, call, OpKind.AVERAGE_POOL_2D, counts_pad=bool(call.args["count_include_pad"]))


@lowers("_adaptive_avg_pool2d")
def adaptive_average_pool(draft: Draft, call: Call) -> None:
    held = draft.arranged(draft.activation(call.tensor("self")), CHANNELS_LAST)
    n, h, w, c = draft.tensors[held.tensor].shape
    _, _, out_h, out_w = draft.shape(call.outputs[0])
    if h % out_h or w % out_w:
        raise UnsupportedOp(f"{call.layer} at {call.where}: adaptive pooling of {h}x{w} to {out_h}x{out_w} is uneven")
    window = (h // out_h, w // out_w)
    _emit(draft, call, OpKind.AVERAGE_POOL_2D, held.tensor, window, window, (0, 0, 0, 0), (n, out_h, out_w, c))


def _window(draft: Draft, call: Call, kind: OpKind, counts_pad: bool = False) -> None:
    held = draft.arranged(draft.activation(call.tensor("self")), CHANNELS_LAST)
    window = _pair(call.args["kernel_size"])
    stride = _pair(call.args["stride"]) if call.args["stride"] else window
    padding = _pair(call.args["padding"])
    pad = (padding[0], padding[0], padding[1], padding[1])
    n, h, w, c = draft.tensors[held.tensor].shape
    output = draft.shape(call.outputs[0])
    shape = (n, output[2], output[3], c)
    if call.args.get("ceil_mode") and any(
        (out - 1) * step + taps > size + 2 * own
        for out, step, taps, size, own in zip(output[2:], stride, window, (h, w), padding, strict=True)
    ):
        raise UnsupportedOp(f"{call.layer} at {call.where}: ceil_mode reaches over the edge", hint="pad explicitly")
    tensor = held.tensor
    if counts_pad and padding != (0, 0):
        padded = (n, h + 2 * padding[0], w + 2 * padding[1], c)
        axes = ((0, 0), (padding[0],) * 2, (padding[1],) * 2, (0, 0))
        tensor = draft.emit(OpKind.PAD, call, [tensor], padded, padding=axes)
        pad = (0, 0, 0, 0)
    _emit(draft, call, kind, tensor, window, stride, pad, shape)


def _emit(
    draft: Draft, call: Call, kind: OpKind, tensor: int, window: Pair, stride: Pair, pad: Sequence[int],
    shape: tuple[int, ...],
) -> None:  # fmt: skip
    result = draft.emit(kind, call, [tensor], shape, filter=window, stride=stride, pad=tuple(pad))
    draft.values[call.outputs[0]] = Activation(result, CHANNELS_LAST)


def _uneven(draft: Draft, call: Call) -> bool:
    """Whether TFLite's SAME, which leaves padding out of averages, pads differently."""
    window = _pair(call.args["kernel_size"])
    stride = _pair(call.args["stride"]) if call.args["stride"] else window
    padding = _pair(call.args["padding"])
    size = draft.shape(call.tensor("self"))[2:]
    return any(
        2 * own != max((-(-n // step) - 1) * step + taps - n, 0)
        for n, step, taps, own in zip(size, stride, window, padding, strict=True)
    )


def _pair(given: Sequence[int]) -> Pair:
    return (int(given[0]), int(given[-1]))
