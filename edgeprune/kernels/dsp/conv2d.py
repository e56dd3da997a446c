"""CONV_2D three pixels at a time (`firmware/include/dsp/conv2d.h`): no dilation, one group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprune.ir import Graph, Op
from edgeprune.kernels.base import Constant, KernelCall, Optimize, Overlap, Shared, Symbols, Work
from edgeprune.kernels.conv2d import Conv2d, read_conv2d
from edgeprune.kernels.dsp.code_size import tile_exact_bytes, tile_two_bytes
from edgeprune.kernels.dsp.layer import USUAL_SHIFT, folded_bias, layer_scaling, likely_two
from edgeprune.kernels.dsp.stream import Stream, make_stream, stream_words
from edgeprune.kernels.dsp.unroll import unroll
from edgeprune.kernels.geometry import Window, copied_rows_lead
from edgeprune.kernels.operands import params, repeat, stepped
from edgeprune.kernels.requant import activation_range, scale_zero
from edgeprune.target.profile import Isa

_PIXELS = 3
_STEP_BYTES = 24  # of the columns: 4 inputs of 3 pixels, int16
_MOST_STEPS = 0xFFFF // _STEP_BYTES
_MOST_PIXEL_BYTES = 2047  # 12 bits hold the offset of the third pixel's last channel


@dataclass(frozen=True)
class _Shape:
    """The convolution as the kernel sees it, in bytes of int8 pixels.

    Attributes:
        window: of the operator; a 1x1 convolution without strides is one long row.
        copied: rows go through a padded copy.
        segment_bytes: of one kernel row, without its tail.
        tail_bytes: what is left of a kernel row behind whole words, where all rows' tails make one word.
        window_row_bytes: from one kernel row to the next.
    """

    window: Window
    copied: bool
    segment_bytes: int
    tail_bytes: int
    window_row_bytes: int

    @property
    def steps(self) -> int:
        return self.window.kernel_h * -(-self.segment_bytes // 4) + (self.tail_bytes > 0)

    @property
    def input_order(self) -> NDArray[np.intp]:
        """For each input of the columns its place in (kernel_h, kernel_w, in_c), or the number of those for none."""
        rows, row_len = self.window.kernel_h, self.window.kernel_w * self.window.in_c
        places = np.arange(rows * row_len).reshape(rows, row_len)
        filled = np.full((rows, -(-self.segment_bytes // 4) * 4), rows * row_len)
        filled[:, : self.segment_bytes] = places[:, : self.segment_bytes]
        tails = places[:, self.segment_bytes :].reshape(-1)
        return np.concatenate([filled.reshape(-1), tails, np.full(-len(tails) % 4, rows * row_len)])

    @property
    def scratch_bytes(self) -> int:
        rows = self.window.kernel_h * self.window_row_bytes + 3 if self.copied else 0
        return self.steps * _STEP_BYTES + rows

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
    stream = None
    if conv.weights.data is not None:
        stream = _stream(conv, shape)
        if stream is None:
            return None
    return _call(conv, shape, stream, optimize, shape.window.out_c)


def _shape(conv: Conv2d) -> _Shape | None:
    window = conv.window
    copied = any(window.pad) or (window.kernel_h > 1 and window.out_h > 1)
    row_bytes = window.kernel_w * window.in_c
    joined = row_bytes > 4 and 1 < window.kernel_h <= 4 // max(1, row_bytes % 4)
    tail_bytes = row_bytes % 4 if joined else 0
    shape = _Shape(
        window=window,
        copied=copied,
        segment_bytes=row_bytes - tail_bytes,
        tail_bytes=tail_bytes,
        window_row_bytes=(window.pad[2] + window.in_w + window.pad[3]) * window.in_c,
    )
    fits = (
        conv.groups == window.dilation_h == window.dilation_w == 1
        and window.out_h * window.out_w >= _PIXELS
        and 2 <= window.out_c <= _MOST_PIXEL_BYTES
        and shape.steps <= _MOST_STEPS
        and window.out_h * window.out_w <= 0xFFFF
        and shape.window_row_bytes <= 0xFFFF - 3
        and window.stride_w * window.in_c <= 0xFFFF
    )
    return shape if fits else None


def _stream(conv: Conv2d, shape: _Shape) -> Stream | None:
    assert conv.weights.data is not None
    window = conv.window
    rows = conv.weights.data.reshape(window.out_c, -1).astype(np.int64)
    flat = np.pad(rows, ((0, 0), (0, 1)))[:, shape.input_order]
    scaling = layer_scaling(conv.op, conv.image, conv.weights, conv.output, window.out_c)
    return make_stream(flat, folded_bias(flat, conv.bias, conv.image), scaling)


def _call(conv: Conv2d, shape: _Shape, stream: Stream | None, optimize: Optimize, out_pixel: int) -> KernelCall:
    """`out_pixel`: bytes from one pixel of the output to the next."""
    window = conv.window
    low, high = activation_range(conv.op.attrs["activation"], conv.output) if conv.output.qparams else (-128, 127)
    rolled = unroll(shape.steps, optimize)
    rounds = f"{rolled.head}, {rolled.loops}, {rolled.chunk}"
    shift = stream.shift if stream is not None else USUAL_SHIFT if likely_two(conv.op, conv.output) else None
    if shift is not None:
        tile = f"ep_tile_two_{window.out_c}_{out_pixel}_{shift}_{shape.steps}"
        text = f"EP_TILE_TWO({tile}, {window.out_c}, {out_pixel}, {shift}, {shift + 8}, {rounds})\n"
        shared = Shared(text, tile_two_bytes(rolled, window.out_c % 2 == 1))
    else:
        limits = f"{low}_{high}".replace("-", "m")
        tile = f"ep_tile_exact_{window.out_c}_{out_pixel}_{limits}_{shape.steps}"
        text = f"EP_TILE_EXACT({tile}, {window.out_c}, {out_pixel}, {low}, {high}, {rounds})\n"
        shared = Shared(text, tile_exact_bytes(rolled, low, high, window.out_c % 2 == 1))

    def definitions(s: Symbols) -> str:
        return params(s, "ep_conv2d_dsp_t", _fields(conv, shape, tile, out_pixel, s))

    def emit(s: Symbols) -> str:
        return repeat(
            window.batches,
            lambda n: (
                f"ep_conv2d_dsp(&{s.layer}_params, {stepped(s.input(0), window.in_len, n)}, "
                f"{stepped(s.output(0), window.out_len, n)}, {s.scratch()});"
            ),
        )

    def spread(pixel_bytes: int) -> KernelCall | None:
        if pixel_bytes > _MOST_PIXEL_BYTES:
            return None
        return _call(conv, shape, stream, optimize, pixel_bytes)

    return KernelCall(
        function="ep_conv2d_dsp",
        emit=emit,
        sources=("dsp/columns.c", "dsp/conv2d.c"),
        headers=("dsp/conv2d.h",),
        constants=_constants(window.out_c, shape.steps, stream, shift is not None),
        scratch_bytes=shape.scratch_bytes,
        overlaps=(Overlap(0, "forward", _lead_bytes(shape, out_pixel)),) if window.batches == 1 else (),
        spread=spread if window.batches == 1 else None,
        work=_work(conv, shape, is_exact=shift is None),
        definitions=definitions,
        shared=(shared,),
    )


def _work(conv: Conv2d, shape: _Shape, is_exact: bool) -> Work:
    window = conv.window
    outputs = window.batches * window.out_len
    tiles = window.batches * -(-window.out_h * window.out_w // _PIXELS)
    features = {
        "tiles": tiles,
        "column_steps": tiles * shape.steps,
        "pair_steps": tiles * shape.steps * -(-window.out_c // 2),
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
    window = shape.window
    row_bytes = window.in_w * window.in_c
    if shape.is_one_row:
        geometry = {"in_h": 1, "in_row_bytes": 0, "out_h": 1, "out_w": window.out_h * window.out_w}
    else:
        geometry = {"in_h": window.in_h, "in_row_bytes": row_bytes, "out_h": window.out_h, "out_w": window.out_w}
    segment = -(-shape.segment_bytes // 4) * 4 if shape.copied else shape.segment_bytes
    return {
        "tile": tile,
        "stream": s.constant("stream"),
        "window": f"{{ .rows = {window.kernel_h}, .steps = {-(-segment // 4)}, .segment_bytes = {segment}, "
        f".tail_bytes = {shape.tail_bytes}, .row_bytes = {shape.window_row_bytes}, "
        f".pixel_bytes = {window.stride_w * window.in_c} }}",
        "steps": shape.steps,
        **geometry,
        "out_pixel": out_pixel,
        "stride_h": window.stride_h,
        "pad_top": window.pad[0],
        "pad_left_bytes": window.pad[2] * window.in_c,
        "in_zero": scale_zero(conv.image)[1],
        "window_copied": int(shape.copied),
        "overread_bytes": 0 if shape.copied else -shape.segment_bytes % 4,
    }  # fmt: skip


def _lead_bytes(shape: _Shape, out_pixel: int) -> int:
    """How far the output must start before the input so that no byte is written before it was read.

    Where the window is not copied: when a tile's pixels are read, the tiles before it are written.
    """
    window = shape.window
    if shape.copied:
        return copied_rows_lead(window, out_pixel)
    pixels = np.arange(_PIXELS, window.out_h * window.out_w)
    rows, columns = np.divmod(pixels, window.out_w)
    written = pixels // _PIXELS * _PIXELS * out_pixel
    unread = (rows * window.stride_h * window.in_w + columns * window.stride_w) * window.in_c
    return int((written - unread).max(initial=-window.in_len))
