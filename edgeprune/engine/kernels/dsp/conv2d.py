"""CONV_2D three pixels at a time (`firmware/include/dsp/conv2d.h`): no dilation, one group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Others, Overlap, Symbols, Work
from edgeprune.engine.kernels.dsp.columns import MOST_PIXEL_BYTES, MOST_STEPS, PIXELS, Columns, make_tile
from edgeprune.engine.kernels.dsp.constants import SHIFTS, USUAL_SHIFT, counts_on_two
from edgeprune.engine.kernels.dsp.stream import Stream, pair_channels, stream_words
from edgeprune.engine.kernels.geometry import Window, copied_rows_lead
from edgeprune.engine.kernels.linear.conv2d import Conv2d, read_conv2d
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op


@dataclass(frozen=True)
class _Shape:
    """The convolution as the kernel sees it, in bytes of int8 pixels.

    Attributes:
        window: of the operator; a 1x1 convolution without strides is one long row.
        copied: rows go through a padded copy.
        columns: of three pixels' windows.
        window_row_bytes: from one kernel row to the next.
    """

    window: Window
    copied: bool
    columns: Columns
    window_row_bytes: int

    @property
    def scratch_bytes(self) -> int:
        rows = self.window.kernel_h * self.window_row_bytes + 3 if self.copied else 0
        return self.columns.size_bytes + rows

    @property
    def is_one_row(self) -> bool:
        """Pixels of input and output are the same, so rows do not matter."""
        window = self.window
        return not self.copied and window.stride_h == window.stride_w == window.kernel_h == window.kernel_w == 1


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.DSP:
        return None
    conv = read_conv2d(graph, op)
    shape = _shape(conv)
    if shape is None:
        return None
    if conv.weights.data is None:
        return _call(conv, shape, None, optimize, shape.window.out_c)
    channels = pair_channels(shape.columns.laid_out(conv.rows), conv.folded_bias, conv.scaling)
    if channels is None:
        return None
    is_two = optimize is Optimize.SPEED or counts_on_two(op, conv.output)
    stream = None if is_two else channels.exact()
    stream = stream or channels.stream(SHIFTS)
    return None if stream is None else _call(conv, shape, stream, optimize, shape.window.out_c)


def _shape(conv: Conv2d) -> _Shape | None:
    window = conv.window
    copied = any(window.pad) or (window.kernel_h > 1 and window.out_h > 1)
    shape = _Shape(
        window=window,
        copied=copied,
        columns=Columns(window.kernel_h, window.kernel_w * window.in_c),
        window_row_bytes=(window.pad[2] + window.in_w + window.pad[3]) * window.in_c,
    )
    fits = (
        conv.is_plain
        and window.out_h * window.out_w >= PIXELS
        and 2 <= window.out_c <= MOST_PIXEL_BYTES
        and shape.columns.steps <= MOST_STEPS
        and window.out_h * window.out_w <= 0xFFFF
        and shape.window_row_bytes <= 0xFFFF - 3
        and window.stride_w * window.in_c <= 0xFFFF
    )
    return shape if fits else None


def _call(conv: Conv2d, shape: _Shape, stream: Stream | None, optimize: Optimize, out_pixel: int) -> KernelCall:
    """`out_pixel`: bytes from one pixel of the output to the next."""
    window = conv.window
    low, high = activation_range(conv.op.activation, conv.output) if conv.output.qparams else (-128, 127)
    steps = shape.columns.steps
    shift = stream.shift if stream is not None else USUAL_SHIFT if counts_on_two(conv.op, conv.output) else None
    tile = make_tile(window.out_c, out_pixel, steps, shift, (low, high), optimize)

    def by(other: int) -> KernelCall | None:
        made = None if stream is None else stream.channels.in_two((other,))
        return None if made is None else _call(conv, shape, made, optimize, out_pixel)

    def others() -> Others:
        tiles = {one: make_tile(window.out_c, out_pixel, steps, one, (low, high), optimize) for one in SHIFTS}
        return {(made.shared,): partial(by, one) for one, made in tiles.items()}

    def definitions(s: Symbols) -> str:
        return params(s, "ep_conv2d_dsp_t", _fields(conv, shape, tile.name, out_pixel, s))

    def spread(pixel_bytes: int) -> KernelCall | None:
        if pixel_bytes > MOST_PIXEL_BYTES:
            return None
        return _call(conv, shape, stream, optimize, pixel_bytes)

    return KernelCall(
        function="ep_conv2d_dsp",
        emit=lambda s: image_calls(s, "ep_conv2d_dsp", conv.image, conv.output, s.scratch()),
        sources=("dsp/columns.c", "dsp/conv2d.c"),
        headers=("dsp/conv2d.h",),
        constants=_constants(window.out_c, steps, stream, shift is not None),
        scratch_bytes=shape.scratch_bytes,
        overlaps=(Overlap(0, "forward", _lead_bytes(shape, out_pixel)),) if window.batches == 1 else (),
        spread=spread if window.batches == 1 else None,
        work=_work(conv, shape, is_exact=shift is None),
        definitions=definitions,
        shared=(tile.shared,),
        others=others if stream is not None and shift is not None else None,
    )


def _work(conv: Conv2d, shape: _Shape, is_exact: bool) -> Work:
    window = conv.window
    outputs = window.batches * window.out_len
    tiles = window.batches * -(-window.out_h * window.out_w // PIXELS)
    features = {
        "tiles": tiles,
        "column_steps": tiles * shape.columns.steps,
        "pair_steps": tiles * shape.columns.steps * -(-window.out_c // 2),
        "row_tiles": tiles * window.kernel_h,
        "copied_bytes": window.batches * window.out_h * shape.window_row_bytes * window.kernel_h if shape.copied else 0,
        "exact_outputs": outputs if is_exact else 0,
    }
    return Work(macs=conv.macs, outputs=outputs, features=features)


def _constants(out_c: int, steps: int, stream: Stream | None, two: bool) -> tuple[Constant, ...]:
    words, table_words = stream_words(out_c, steps, two)
    values = None if stream is None else (lambda: stream.words)
    return (Constant("stream", "uint32_t", words, 4, values=values, table_bytes=4 * table_words),)


def _fields(conv: Conv2d, shape: _Shape, tile: str, out_pixel: int, s: Symbols) -> dict[str, object]:
    window, columns = shape.window, shape.columns
    row_bytes = window.in_w * window.in_c
    if shape.is_one_row:
        geometry = {"in_h": 1, "in_row_bytes": 0, "out_h": 1, "out_w": window.out_h * window.out_w}
    else:
        geometry = {"in_h": window.in_h, "in_row_bytes": row_bytes, "out_h": window.out_h, "out_w": window.out_w}
    segment = columns.filled_bytes if shape.copied else columns.segment_bytes
    return {
        "tile": tile,
        "stream": s.constant("stream"),
        "window": f"{{ .rows = {window.kernel_h}, .steps = {columns.filled_bytes // 4}, .segment_bytes = {segment}, "
        f".tail_bytes = {columns.tail_bytes}, .row_bytes = {shape.window_row_bytes}, "
        f".pixel_bytes = {window.stride_w * window.in_c} }}",
        "steps": columns.steps,
        **geometry,
        "out_pixel": out_pixel,
        "stride_h": window.stride_h,
        "pad_top": window.pad[0],
        "pad_left_bytes": window.pad[2] * window.in_c,
        "in_zero": scale_zero(conv.image)[1],
        "window_copied": int(shape.copied),
        "overread_bytes": 0 if shape.copied else -columns.segment_bytes % 4,
    }  # fmt: skip


def _lead_bytes(shape: _Shape, out_pixel: int) -> int:
    """How far the output must start before the input so that no byte is written before it was read.

    Where the window is not copied: when a tile's pixels are read, the tiles before it are written.
    """
    window = shape.window
    if shape.copied:
        return copied_rows_lead(window, out_pixel)
    pixels = np.arange(PIXELS, window.out_h * window.out_w)
    rows, columns = np.divmod(pixels, window.out_w)
    written = pixels // PIXELS * PIXELS * out_pixel
    unread = (rows * window.stride_h * window.in_w + columns * window.stride_w) * window.in_c
    return int((written - unread).max(initial=-window.in_len))
