"""CONV_2D 3x3 with stride 1 by Winograd's minimal filtering, exact in integers (`firmware/include/dsp/winograd.h`).

Costs flash (four or eight times the weights') and scratch, so only `--optimize speed` uses it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Overlap, Shared, Symbols, Work
from edgeprune.engine.kernels.dsp.code_size import points_bytes
from edgeprune.engine.kernels.dsp.constants import SignedConstants, signed_constants
from edgeprune.engine.kernels.dsp.unroll import Unroll, unroll, unroll_within
from edgeprune.engine.kernels.linear.conv2d import Conv2d, read_conv2d
from edgeprune.engine.kernels.operands import params
from edgeprune.engine.kernels.requant import scale_zero
from edgeprune.engine.kernels.scaling import Int64s, accumulator_range
from edgeprune.engine.kernels.words import as_words
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_B = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_G = np.array([[6, 0, 0], [1, 1, 1], [1, -1, 1], [1, 2, 4], [1, -2, 4], [0, 0, 6]])
_SCALE = 24
_BIAS_POINT, _BIAS_GAIN = 1, -4  # a start of 1 there adds this to each of the four outputs
_ROW_RAISES = np.array([3200, 384, 128, 128, 3200, 384])  # RAISE_0, _1, _2 of winograd_row.c, by place in a tile
_RAISE, _RAISE_SUMS = 128, 12_800  # of winograd_square.c
_BLOCK_COLUMNS = 8
_SQUARE_CHANNELS = 32  # from here on the second dimension's transforms cost less than they save
_USUAL_SHIFT = 12  # what a layer without values is counted on to need
_LINE_PIXELS = 10  # two tiles and their border


@dataclass(frozen=True)
class _Way:
    """Along the width, or along both sides.

    Attributes:
        function: in C.
        sides: 1 or 2.
        block_rows: output rows of a block.
    """

    function: str
    sides: int
    block_rows: int

    @property
    def points(self) -> int:
        return int(len(_B) ** self.sides)

    @property
    def multiple(self) -> int:
        """Of an accumulator in the word that is requantized."""
        return int(_SCALE**self.sides)

    @property
    def unit(self) -> int:
        """What a bias point's start of 1 adds to that word, either way."""
        return int(abs(_BIAS_GAIN) ** self.sides)

    def inputs(self, in_c: int) -> int:
        """Products a point sums up."""
        return in_c if self.sides == 2 else 3 * in_c

    def stream_words(self, in_c: int, out_c: int) -> int:
        return out_c // 4 * (self.points * (4 + 2 * self.inputs(in_c)) + 12)

    def scratch_bytes(self, in_c: int) -> int:
        held = self.inputs(in_c) if self.sides == 2 else (self.block_rows + 2) * in_c
        return 4 * self.points * (held + 8) + _LINE_PIXELS * in_c


_ROW = _Way("ep_winograd_row_dsp", 1, 2)
_SQUARE = _Way("ep_winograd_square_dsp", 2, 4)


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.DSP or optimize is not Optimize.SPEED:
        return None
    conv = read_conv2d(graph, op)
    way = _way(graph, conv)
    if way is None:
        return None
    if conv.weights.data is None:
        return _call(conv, way, _USUAL_SHIFT, None, conv.window.out_c)
    return _with_values(conv, way)


def _way(graph: Graph, conv: Conv2d) -> _Way | None:
    window = conv.window
    fits = (
        (window.kernel_h, window.kernel_w, window.stride_h, window.stride_w) == (3, 3, 1, 1)
        and window.pad == (1, 1, 1, 1)
        and conv.is_plain
        and window.batches == 1
        and window.in_c % 4 == window.out_c % 4 == window.in_w % _BLOCK_COLUMNS == 0
        and window.in_c <= 512
    )
    if not fits:
        return None
    square = window.in_c >= _SQUARE_CHANNELS and window.in_h % _SQUARE.block_rows == 0
    way = _SQUARE if square else _ROW
    # Scratch far below what an operator of the graph needs anyway seldom raises the arena.
    return (
        way
        if window.in_h % way.block_rows == 0 and way.scratch_bytes(window.in_c) <= graph.largest_op_bytes // 2
        else None
    )


def _with_values(conv: Conv2d, way: _Way) -> KernelCall | None:
    rows, bias = conv.rows, conv.folded_bias
    constants = signed_constants(conv.scaling, *accumulator_range(rows, bias), way.multiple, way.unit)
    if constants is None:
        return None
    stream = _stream(way, rows.reshape(conv.weights.shape), bias, constants)
    return _call(conv, way, constants.shift, stream, conv.window.out_c)


def _stream(way: _Way, weights: Int64s, bias: Int64s, constants: SignedConstants) -> NDArray[np.uint32]:
    """weights (O, 3, 3, C) -> all words, four channels after four channels."""
    out_c, _, _, in_c = weights.shape
    if way.sides == 1:
        transformed = np.einsum("px,oyxc->opyc", _G, weights).reshape(out_c, way.points, -1)
        raised = _B @ _ROW_RAISES
    else:
        transformed = np.einsum("py,qx,oyxc->opqc", _G, _G, weights).reshape(out_c, way.points, -1)
        raised = _RAISE_SUMS + _RAISE * np.outer(_B.sum(axis=1), _B.sum(axis=1)).reshape(-1)
    starts = -raised[None, :] * transformed.sum(axis=2)
    gain = _BIAS_GAIN**way.sides
    bias_point = _BIAS_POINT * sum(len(_B) ** side for side in range(way.sides))
    starts[:, bias_point] += (way.multiple // way.unit * bias + constants.nudge) * (1 if gain > 0 else -1)
    quads = transformed.reshape(out_c, way.points, way.inputs(in_c) // 4, 4) & 0xFFFF
    pairs = np.stack([quads[..., 0] | quads[..., 2] << 16, quads[..., 1] | quads[..., 3] << 16], axis=-1)
    both = np.concatenate([starts[:, :, None], pairs.reshape(out_c, way.points, -1)], axis=2)
    # (four channels, points, [starts, pairs], channel)
    fours = np.moveaxis(both.reshape(out_c // 4, 4, *both.shape[1:]), 1, 3).reshape(out_c // 4, -1)
    return as_words(np.concatenate([fours, constants.constants.reshape(out_c // 4, -1)], axis=1).reshape(-1))


def _call(conv: Conv2d, way: _Way, shift: int, stream: NDArray[np.uint32] | None, out_pixel: int) -> KernelCall:
    """`out_pixel`: bytes from one pixel of the output to the next."""
    window = conv.window
    pairs = way.inputs(window.in_c) // 2
    points = f"ep_winograd_points_{way.points}_{pairs}"

    def function(rolled: Unroll) -> Shared:
        rounds = f"{rolled.head}, {rolled.loops}, {rolled.chunk}"
        return Shared(f"EP_WINOGRAD_POINTS({points}, {way.points}, {rounds})\n", points_bytes(rolled), within=within)

    def within(most_bytes: int) -> Shared:
        return function(unroll_within(pairs, Optimize.SPEED, points_bytes, most_bytes))

    def definitions(s: Symbols) -> str:
        fields = {
            "points": points, "stream": s.constant("stream"), "h": window.in_h, "w": window.in_w,
            "in_c": window.in_c, "out_c": window.out_c, "out_pixel": out_pixel, "shift": shift,
            "in_zero": scale_zero(conv.image)[1],
        }  # fmt: skip
        return params(s, "ep_winograd_t", fields)

    def spread(pixel_bytes: int) -> KernelCall | None:
        return _call(conv, way, shift, stream, pixel_bytes) if pixel_bytes <= 0xFFFF else None

    own_words = conv.weights.element_count // 4 + window.out_c
    words = way.stream_words(window.in_c, window.out_c)
    return KernelCall(
        function=way.function,
        emit=lambda s: f"{way.function}(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {s.scratch()});",
        sources=tuple(f"dsp/{name}.c" for name in ("winograd_line", way.function[3:-4])),
        headers=("dsp/winograd.h",),
        constants=(
            Constant(
                "stream", "uint32_t", words, 4, table_bytes=4 * (words - own_words),
                values=None if stream is None else (lambda: stream),
            ),
        ),
        scratch_bytes=way.scratch_bytes(window.in_c),
        overlaps=(Overlap(0, "forward", _lead_bytes(conv, way, out_pixel)),),
        spread=spread,
        work=Work(macs=conv.macs, outputs=window.out_len),
        definitions=definitions,
        shared=(function(unroll(pairs, Optimize.SPEED)),),
    )  # fmt: skip


def _lead_bytes(conv: Conv2d, way: _Way, out_pixel: int) -> int:
    """How far the output must start before the input: no block's outputs may reach what a later one reads."""
    window = conv.window
    y, x = np.meshgrid(
        np.arange(0, window.in_h, way.block_rows), np.arange(0, window.in_w, _BLOCK_COLUMNS), indexing="ij"
    )
    first = np.maximum(y - 1, 0) * window.in_w + np.maximum(x - 1, 0)
    last = (y + way.block_rows - 1) * window.in_w + x + _BLOCK_COLUMNS
    read_from = np.minimum.accumulate(first.reshape(-1)[::-1])[::-1] * window.in_c
    written_to = np.maximum.accumulate(last.reshape(-1)) * out_pixel
    return int((written_to[:-1] - read_from[1:]).max(initial=-window.in_len))
