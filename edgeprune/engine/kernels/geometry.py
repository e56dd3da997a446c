"""Windows that slide over images: sizes checked against one another, and how far an output may run into its input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from edgeprune.engine.kernels.base import Overlap
from edgeprune.engine.kernels.operands import place, require, require_u16
from edgeprune.errors import UnsupportedOp
from edgeprune.ir import Graph, Op, Tensor, WindowAttrs, attrs_of


@dataclass(frozen=True)
class Window:
    """One window operator; heights and widths in pixels, `pad` is (top, bottom, left, right)."""

    batches: int
    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    pad: tuple[int, int, int, int]

    @property
    def in_len(self) -> int:
        return self.in_h * self.in_w * self.in_c

    @property
    def out_len(self) -> int:
        return self.out_h * self.out_w * self.out_c

    @property
    def as_one_row(self) -> Window:
        """The same pixels as one long row, where a 1x1 kernel without strides and pads makes rows a matter of words."""
        pixels = self.in_h * self.in_w
        if self.kernel_h * self.kernel_w * self.stride_h * self.stride_w != 1 or any(self.pad) or pixels > 0xFFFF:
            return self
        return replace(self, in_h=1, in_w=pixels, out_h=1, out_w=pixels)

    def fields(self) -> dict[str, object]:
        """The C fields that conv, depthwise and pool parameters share."""
        return {
            "in_h": self.in_h, "in_w": self.in_w, "out_h": self.out_h, "out_w": self.out_w,
            "stride_h": self.stride_h, "stride_w": self.stride_w, "pad_top": self.pad[0], "pad_left": self.pad[2],
        }  # fmt: skip


def read_window(graph: Graph, op: Op, image: Tensor, output: Tensor, kernel: Sequence[int]) -> Window:
    """The window of `op` reading `image` (N, H, W, C) with `kernel` (height, width) into `output` (N, H', W', C').

    Raises:
        ModelError: sizes that contradict each other.
        UnsupportedOp: sizes beyond the kernels' fields, or pads as large as the window.
    """
    require(graph, op, len(image.shape) == len(output.shape) == 4, f"shapes {image.shape} -> {output.shape}")
    require(graph, op, image.shape[0] == output.shape[0], f"batch {image.shape[0]} -> {output.shape[0]}")
    attrs = attrs_of(op, WindowAttrs)
    stride, dilation = attrs.stride, attrs.dilation
    top, bottom, left, right = attrs.pad
    require(graph, op, min(*stride, *dilation, *kernel) > 0 and min(top, bottom, left, right) >= 0, "a size below 1")
    spans = [(taps - 1) * spread + 1 for taps, spread in zip(kernel, dilation, strict=True)]
    padded = (image.shape[1] + top + bottom, image.shape[2] + left + right)
    expected = tuple((size - span) // step + 1 for size, span, step in zip(padded, spans, stride, strict=True))
    require(graph, op, expected == output.shape[1:3], f"output {output.shape[1:3]} where the window makes {expected}")
    if top >= spans[0] or left >= spans[1] or bottom >= spans[0] or right >= spans[1]:
        raise UnsupportedOp(f"{place(graph, op)}: pads {attrs.pad} as large as the window {tuple(spans)}")
    _, in_h, in_w, in_c = image.shape
    _, out_h, out_w, out_c = output.shape
    window = Window(
        image.shape[0], in_h, in_w, in_c, out_h, out_w, out_c, kernel[0], kernel[1],
        stride[0], stride[1], dilation[0], dilation[1], (top, bottom, left, right),
    )  # fmt: skip
    require_u16(graph, op, *image.shape, *output.shape, *spans, *stride, *dilation)
    return window


def window_overlaps(window: Window, channels_in_step: bool, element_bytes: int = 1) -> tuple[Overlap, ...]:
    """How far the output may run behind the input, for a kernel that writes pixels in ascending order.

    Args:
        channels_in_step: output channel o reads input channel o * in_c / out_c alone (depthwise, pools); otherwise
            every output channel reads all input channels.
        element_bytes: of input and output.
    """
    if window.batches != 1:
        return ()
    ratio = window.out_c // window.in_c if channels_in_step else 1
    inside = window.out_c - 1 - ((window.out_c - 1) // ratio if channels_in_step else 0)
    lead = -window.in_len
    for y in _corners(window.out_h, window.stride_h, window.pad[0]):
        for x in _corners(window.out_w, window.stride_w, window.pad[2]):
            written = (y * window.out_w + x) * window.out_c
            still_read = _first_read(window, y, x)
            if y + 1 < window.out_h:
                still_read = min(still_read, _first_read(window, y + 1, 0))
            if window.out_c > 1:  # before the last channel of this pixel
                lead = max(lead, written + inside - still_read)
            if written:  # before the first one
                lead = max(lead, written - still_read)
    return (Overlap(0, "forward", lead * element_bytes),)


def copied_rows_lead(window: Window, out_pixel: int, block_rows: int = 1) -> int:
    """How far the output must start before the input so that no byte is written before it was read, by a kernel that
    copies the image rows under `block_rows` rows of the output before it writes them.

    When rows are loaded for output row y, the rows above y are written, `out_pixel` bytes a pixel.
    """
    rows = np.arange(block_rows, window.out_h, block_rows)
    written = rows * window.out_w * out_pixel
    loaded = np.maximum((rows - 1) * window.stride_h - window.pad[0] + window.kernel_h, 0)
    unread = (loaded * window.in_w * window.in_c)[loaded < window.in_h]
    return int((written[loaded < window.in_h] - unread).max(initial=-window.in_len))


def inside_taps(window: Window, filters: int, tap_macs: int) -> dict[str, int]:
    """What a kernel that skips the border does, for the latency model: taps inside the image, and their MACs."""
    rows = _taps_along(window.in_h, window.out_h, window.kernel_h, window.stride_h, window.dilation_h, window.pad[0])
    columns = _taps_along(window.in_w, window.out_w, window.kernel_w, window.stride_w, window.dilation_w, window.pad[2])
    taps = window.batches * rows * columns * filters
    return {"taps": taps, "tap_macs": taps * tap_macs}


@lru_cache(maxsize=1024)
def _taps_along(in_size: int, out_size: int, taps: int, stride: int, dilation: int, pad: int) -> int:
    """Of all outputs along an axis together, those that fall inside."""
    places = (out * stride - pad + tap * dilation for out in range(out_size) for tap in range(taps))
    return sum(0 <= place < in_size for place in places)


def _first_read(window: Window, y: int, x: int) -> int:
    """Byte of the first tap that output pixel (y, x) reads."""
    row = max(y * window.stride_h - window.pad[0], 0)
    column = max(x * window.stride_w - window.pad[2], 0)
    return (row * window.in_w + column) * window.in_c


def _corners(size: int, stride: int, pad: int) -> list[int]:
    """Where positions along an axis bend: bytes written less bytes read is linear in between, at most here."""
    bend = pad // stride
    return sorted({place for place in (0, 1, bend - 1, bend, bend + 1, size - 2, size - 1) if 0 <= place < size})
