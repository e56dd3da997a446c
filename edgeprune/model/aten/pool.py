"""Average and maximum pools over windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import NO_PAD, OpKind, PadAttrs, Pair, PoolAttrs
from edgeprune.model.aten.join import gathered
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call
from edgeprune.model.values import CHANNELS_LAST, Activation


@dataclass(frozen=True)
class _Window:
    """Windows along one axis of an image."""

    size: int
    target: int
    taps: int
    stride: int
    padding: int

    @property
    def beyond(self) -> int:
        """Elements the last one reaches beyond the padding: more than none with ceil_mode alone."""
        return max((self.target - 1) * self.stride + self.taps - self.size - 2 * self.padding, 0)

    @property
    def is_same(self) -> bool:
        """Whether TFLite's SAME pads alike."""
        count = -(-self.size // self.stride)
        return 2 * self.padding == max((count - 1) * self.stride + self.taps - self.size, 0)


@lowers("max_pool2d_with_indices")
def max_pool(draft: Draft, call: Call) -> None:
    if _pair(call.args["dilation"]) != (1, 1):
        raise UnsupportedOp(f"{call.layer} at {call.where}: a maximum pool with dilation")
    _require_no_indices(draft, call)
    held, rows, columns = _windows(draft, call)
    pad = (rows.padding, rows.padding + rows.beyond, columns.padding, columns.padding + columns.beyond)
    attrs = PoolAttrs(filter=(rows.taps, columns.taps), stride=(rows.stride, columns.stride), pad=pad)
    _emit(draft, call, OpKind.MAX_POOL_2D, held, attrs)


@lowers("avg_pool2d")
def average_pool(draft: Draft, call: Call) -> None:
    if call.args["divisor_override"] is not None:
        raise UnsupportedOp(f"{call.layer} at {call.where}: an average pool with its own divisor")
    held, rows, columns = _windows(draft, call)
    padded = (rows.padding, columns.padding) != (0, 0)
    if rows.beyond or columns.beyond:
        raise UnsupportedOp(f"{call.layer} at {call.where}: ceil_mode reaches over the edge", hint="pad explicitly")
    counts = bool(call.args["count_include_pad"])
    if padded and not counts and not (rows.is_same and columns.is_same):
        raise UnsupportedOp(
            f"{call.layer} at {call.where}: padding left out of the average, which TFLite supports only where the "
            "output is the input's size divided by the stride",
            hint="use count_include_pad=True or no padding",
        )
    pad = (rows.padding, rows.padding, columns.padding, columns.padding)
    if padded and counts:
        n, h, w, c = draft.tensors[held.tensor].shape
        around = ((0, 0), pad[:2], pad[2:], (0, 0))
        shape = (n, h + 2 * rows.padding, w + 2 * columns.padding, c)
        zeros = draft.emit(OpKind.PAD, call, [held.tensor], shape, PadAttrs(padding=around))
        held, pad = Activation(zeros, CHANNELS_LAST), NO_PAD
    attrs = PoolAttrs(filter=(rows.taps, columns.taps), stride=(rows.stride, columns.stride), pad=pad)
    _emit(draft, call, OpKind.AVERAGE_POOL_2D, held, attrs)


@lowers("_adaptive_avg_pool2d")
def adaptive_average_pool(draft: Draft, call: Call) -> None:
    _adaptive(draft, call, OpKind.AVERAGE_POOL_2D)


@lowers("adaptive_max_pool2d")
def adaptive_max_pool(draft: Draft, call: Call) -> None:
    _require_no_indices(draft, call)
    _adaptive(draft, call, OpKind.MAX_POOL_2D)


def _adaptive(draft: Draft, call: Call, kind: OpKind) -> None:
    """One window for each output, of one size: a pool, or a pool of every place and a GATHER of those wanted."""
    held = draft.arranged(draft.activation(call.tensor("self")), CHANNELS_LAST)
    sizes, target = draft.tensors[held.tensor].shape[1:3], draft.shape(call.outputs[0])[2:]
    taps, stride, places = [], [], []
    for size, count in zip(sizes, target, strict=True):
        begins = [k * size // count for k in range(count)]
        lengths = {-(-(k + 1) * size // count) - begin for k, begin in enumerate(begins)}
        if len(lengths) > 1:
            raise UnsupportedOp(
                f"{call.layer} at {call.where}: adaptive pooling of {sizes[0]}x{sizes[1]} to {target[0]}x{target[1]} "
                "has windows of several sizes",
                hint="pool to a divisor of the size",
            )
        window = lengths.pop()
        steps = {after - before for before, after in pairwise(begins)} or {window}
        taps.append(window)
        stride.append(steps.pop() if len(steps) == 1 else 1)
        places.append([begin // stride[-1] for begin in begins])
    attrs = PoolAttrs(filter=(taps[0], taps[1]), stride=(stride[0], stride[1]))
    n, h, w, c = draft.tensors[held.tensor].shape
    pooled = (n, (h - taps[0]) // stride[0] + 1, (w - taps[1]) // stride[1] + 1, c)
    found = Activation(draft.emit(kind, call, [held.tensor], pooled, attrs), CHANNELS_LAST)
    for axis in (0, 1):
        found = gathered(draft, call, found, 1 + axis, places[axis])
    draft.values[call.outputs[0]] = found


def _windows(draft: Draft, call: Call) -> tuple[Activation, _Window, _Window]:
    """The image, channels last, and the windows along its rows and columns."""
    held = draft.arranged(draft.activation(call.tensor("self")), CHANNELS_LAST)
    taps, padding = _pair(call.args["kernel_size"]), _pair(call.args["padding"])
    stride = _pair(call.args["stride"]) if call.args["stride"] else taps
    sizes, target = draft.tensors[held.tensor].shape[1:3], draft.shape(call.outputs[0])[2:]
    rows, columns = (_Window(sizes[k], target[k], taps[k], stride[k], padding[k]) for k in (0, 1))
    return held, rows, columns


def _emit(draft: Draft, call: Call, kind: OpKind, held: Activation, attrs: PoolAttrs) -> None:
    n, channels, height, width = draft.shape(call.outputs[0])
    result = draft.emit(kind, call, [held.tensor], (n, height, width, channels), attrs)
    draft.values[call.outputs[0]] = Activation(result, CHANNELS_LAST)


def _require_no_indices(draft: Draft, call: Call) -> None:
    if draft.uses[call.outputs[1]]:
        raise UnsupportedOp(
            f"{call.layer} at {call.where}: the places of maxima are read",
            hint="take the maxima alone; to widen an image again, nn.Upsample or nn.ConvTranspose2d",
        )


def _pair(given: Sequence[int]) -> Pair:
    return (int(given[0]), int(given[-1]))
