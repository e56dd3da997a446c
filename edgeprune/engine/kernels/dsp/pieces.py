"""CONV_2D with groups, dilation, one channel or few pixels, and TRANSPOSE_CONV (`firmware/include/dsp/pieces.h`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.dsp.columns import MOST_PIXEL_BYTES, MOST_STEPS, PIXELS, Columns, Tile, make_tile
from edgeprune.engine.kernels.dsp.constants import SHIFTS, USUAL_SHIFT, counts_on_two
from edgeprune.engine.kernels.dsp.stream import Stream, make_stream, stream_words
from edgeprune.engine.kernels.linear.conv2d import read_conv2d
from edgeprune.engine.kernels.linear.transpose_conv import read_transpose_conv
from edgeprune.engine.kernels.pieces import Piece, PiecedLayer, conv_pieces, pieces_call, transposed_pieces
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op


@dataclass(frozen=True, eq=False)
class _Part:
    """One piece on this core.

    Attributes:
        stored: bytes a pixel in scratch, or 0 where the tile writes the output itself.
        stream: None where the graph holds no data.
        shift: of the two-instruction way, counted on or found; None for the exact one.
    """

    piece: Piece
    columns: Columns
    stored: int
    stream: Stream | None
    shift: int | None
    tile: Tile

    @property
    def scratch_bytes(self) -> int:
        rows = self.piece.rows.taps * self.piece.columns.total(PIXELS) * self.piece.slice_c
        return self.columns.size_bytes + -(-PIXELS * self.stored // 4) * 4 + rows + 3

    @property
    def stream_words(self) -> tuple[int, int]:
        """(words of a group, those of the requantization among them)."""
        return stream_words(max(2, self.piece.channels), self.columns.steps, self.shift is not None)

    def constant(self, role: str) -> Constant:
        words, table_words = (self.piece.groups * count for count in self.stream_words)
        values = None if self.stream is None else (lambda stream=self.stream: stream.words)
        return Constant(role, "uint32_t", words, 4, values=values, table_bytes=4 * table_words)

    def fields(self, layer: PiecedLayer, stream: str) -> str:
        columns, piece = self.columns, self.piece
        row_bytes = piece.columns.total(PIXELS) * piece.slice_c
        geometry = ", ".join(f".{name} = {value}" for name, value in layer.fields(piece, PIXELS).items())
        window = (
            f".rows = {columns.rows}, .steps = {columns.filled_bytes // 4}, .segment_bytes = {columns.filled_bytes}, "
            f".tail_bytes = {columns.tail_bytes}, .row_bytes = {row_bytes}, "
            f".pixel_bytes = {piece.columns.between * piece.slice_c}"
        )
        return (
            f"    {{ .piece = {{ {geometry} }},\n      .tile = {self.tile.name}, .stream = {stream},\n"
            f"      .window = {{ {window} }},\n      .stream_words = {self.stream_words[0]}, .steps = {columns.steps}, "
            f".stored = {self.stored} }},\n"
        )


def conv2d(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.DSP:
        return None
    conv = read_conv2d(graph, op)
    if conv.weights.dtype is DType.INT4 and optimize is Optimize.SIZE:
        return None
    return _call(conv_pieces(conv), optimize)


def transpose_conv(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    return _call(transposed_pieces(read_transpose_conv(graph, op)), optimize) if isa is Isa.DSP else None


def _call(layer: PiecedLayer, optimize: Optimize) -> KernelCall | None:
    is_two = optimize is Optimize.SPEED or counts_on_two(layer.op, layer.output)
    parts = _parts(layer, optimize, SHIFTS if is_two else ())
    if parts is None and not is_two:
        parts = _parts(layer, optimize, SHIFTS)
    return None if parts is None else _call_of(layer, parts, optimize)


def _parts(layer: PiecedLayer, optimize: Optimize, shifts: Sequence[int]) -> tuple[_Part, ...] | None:
    """`shifts`: tried in order for the two-instruction way; the exact one for a piece that none serves."""
    parts = []
    for piece in layer.pieces:
        part = _part(layer, piece, optimize, shifts)
        if part is None:
            return None
        parts.append(part)
    return tuple(parts)


def _call_of(layer: PiecedLayer, parts: Sequence[_Part], optimize: Optimize) -> KernelCall:
    shifts = {part.shift for part in parts}

    def definitions(s: Symbols) -> str:
        streams = (s.constant(f"stream{index}") for index in layer.streams)
        rows = "".join(part.fields(layer, stream) for part, stream in zip(parts, streams, strict=True))
        return f"static const ep_piece_dsp_t {s.layer}_pieces[] = {{\n{rows}}};\n"

    def others() -> tuple[KernelCall, ...]:
        made = [_parts(layer, optimize, (shift,)) for shift in SHIFTS if {shift} != shifts]
        two = [other for other in made if other is not None and all(part.shift is not None for part in other)]
        return tuple(_call_of(layer, other, optimize) for other in two)

    call = pieces_call(
        layer, "dsp", definitions,
        constants=tuple(parts[index].constant(f"stream{index}") for index in dict.fromkeys(layer.streams)),
        scratch_bytes=max(part.scratch_bytes for part in parts),
        work=_work(layer, parts),
        sources=("dsp/columns.c", "dsp/pieces.c"),
        shared=tuple(part.tile.shared for part in parts),
    )  # fmt: skip
    is_free = layer.filters is not None and None not in shifts
    return replace(call, others=others if is_free else None)


def _part(layer: PiecedLayer, piece: Piece, optimize: Optimize, shifts: Sequence[int]) -> _Part | None:
    columns = Columns(piece.rows.taps, piece.columns.taps * piece.slice_c)
    pixel = piece.columns.step * layer.output.shape[3]
    is_stored = piece.columns.count < PIXELS or piece.channels == 1 or pixel > MOST_PIXEL_BYTES
    channels = max(2, piece.channels)
    out_pixel = channels if is_stored else pixel
    row_bytes = piece.columns.total(PIXELS) * piece.slice_c
    if max(row_bytes, out_pixel * PIXELS) > 0xFFFF or out_pixel > MOST_PIXEL_BYTES or columns.steps > MOST_STEPS:
        return None
    stream = None
    if layer.filters is not None:
        rows = layer.rows(piece)
        filled = np.pad(rows, ((0, 0), (0, 1)))[:, columns.input_order]
        stream = make_stream(filled, layer.folded_bias(rows), layer.scaling, shifts, piece.groups)
        if stream is None:
            return None
    shift = stream.shift if stream is not None else USUAL_SHIFT if counts_on_two(layer.op, layer.output) else None
    limits = activation_range(layer.op.activation, layer.output) if layer.output.qparams else (-128, 127)
    tile = make_tile(channels, out_pixel, columns.steps, shift, limits, optimize)
    return _Part(piece, columns, out_pixel if is_stored else 0, stream, shift, tile)


def _work(layer: PiecedLayer, parts: Sequence[_Part]) -> Work:
    batches = layer.image.shape[0]
    features = {"rows": 0, "row_bytes": 0, "tiles": 0, "column_steps": 0, "pair_steps": 0, "stored": 0, "exact": 0}
    for part in parts:
        piece = part.piece
        rows = batches * piece.rows.count * piece.groups
        tiles = rows * -(-piece.columns.count // PIXELS)
        features["rows"] += rows * piece.rows.taps
        features["row_bytes"] += rows * piece.rows.taps * piece.columns.total(PIXELS) * piece.slice_c
        features["tiles"] += tiles
        features["column_steps"] += tiles * part.columns.steps
        features["pair_steps"] += tiles * part.columns.steps * -(-piece.channels // 2)
        features["exact"] += rows * piece.columns.count * piece.channels if "_exact_" in part.tile.name else 0
        features["stored"] += rows * piece.columns.count * piece.channels if part.stored else 0
    return Work(macs=layer.macs, outputs=layer.output.element_count, features=features)
