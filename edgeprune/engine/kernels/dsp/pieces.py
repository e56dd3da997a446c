"""CONV_2D with groups, dilation, one channel or few pixels, and TRANSPOSE_CONV (`firmware/include/dsp/pieces.h`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Shared, Symbols, Work
from edgeprune.engine.kernels.dsp.columns import MOST_PIXEL_BYTES, MOST_STEPS, PIXELS, Columns, Tile, make_tile
from edgeprune.engine.kernels.dsp.constants import SHIFTS, USUAL_SHIFT, counts_on_two
from edgeprune.engine.kernels.dsp.stream import PairedChannels, Stream, pair_channels, stream_words
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
        out_pixel: bytes from one pixel to the next, where the tile writes.
        is_stored: it writes to scratch, not the output itself.
        channels: None where the graph holds no data.
        stream: of them, None likewise.
        shift: of the two-instruction way, counted on or found; None for the exact one.
        limits: of the activation.
    """

    piece: Piece
    columns: Columns
    out_pixel: int
    is_stored: bool
    channels: PairedChannels | None
    stream: Stream | None
    shift: int | None
    limits: tuple[int, int]

    def tile(self, optimize: Optimize) -> Tile:
        channels = max(2, self.piece.channels)
        return make_tile(channels, self.out_pixel, self.columns.steps, self.shift, self.limits, optimize)

    def by(self, way: Callable[[PairedChannels], Stream | None]) -> _Part | None:
        """With these constants; None where there are none."""
        stream = None if self.channels is None else way(self.channels)
        return None if stream is None else replace(self, stream=stream, shift=stream.shift)

    @property
    def stored(self) -> int:
        """Bytes a pixel in scratch."""
        return self.out_pixel if self.is_stored else 0

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

    def fields(self, layer: PiecedLayer, tile: Tile, stream: str) -> str:
        columns, piece = self.columns, self.piece
        row_bytes = piece.columns.total(PIXELS) * piece.slice_c
        geometry = ", ".join(f".{name} = {value}" for name, value in layer.fields(piece, PIXELS).items())
        window = (
            f".rows = {columns.rows}, .steps = {columns.filled_bytes // 4}, .segment_bytes = {columns.filled_bytes}, "
            f".tail_bytes = {columns.tail_bytes}, .row_bytes = {row_bytes}, "
            f".pixel_bytes = {piece.columns.between * piece.slice_c}"
        )
        return (
            f"    {{ .piece = {{ {geometry} }},\n      .tile = {tile.name}, .stream = {stream},\n"
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
    places = _complete([_place(layer, piece) for piece in layer.pieces])
    if places is None:
        return None
    if layer.filters is None:
        return _call_of(layer, places, optimize)
    is_two = optimize is Optimize.SPEED or counts_on_two(layer.op, layer.output)
    parts = None if is_two else _complete([one.by(PairedChannels.exact) for one in places])
    if parts is None:
        parts = _complete([one.by(lambda channels: channels.stream(SHIFTS)) for one in places])
    return None if parts is None else _call_of(layer, parts, optimize)


def _complete(parts: Sequence[_Part | None]) -> tuple[_Part, ...] | None:
    """None where a part is missing."""
    there = tuple(part for part in parts if part is not None)
    return there if len(there) == len(parts) else None


def _call_of(layer: PiecedLayer, parts: tuple[_Part, ...], optimize: Optimize) -> KernelCall:
    tiles = [part.tile(optimize) for part in parts]

    def definitions(s: Symbols) -> str:
        streams = (s.constant(f"stream{index}") for index in layer.streams)
        made = zip(parts, tiles, streams, strict=True)
        rows = "".join(part.fields(layer, tile, stream) for part, tile, stream in made)
        return f"static const ep_piece_dsp_t {s.layer}_pieces[] = {{\n{rows}}};\n"

    def by(shift: int) -> KernelCall | None:
        others = _complete([one.by(lambda channels: channels.in_two((shift,))) for one in parts])
        return None if others is None else _call_of(layer, others, optimize)

    def functions(shift: int) -> tuple[Shared, ...]:
        return tuple(replace(part, shift=shift).tile(optimize).shared for part in parts)

    call = pieces_call(
        layer, "dsp", definitions,
        constants=tuple(parts[index].constant(f"stream{index}") for index in dict.fromkeys(layer.streams)),
        scratch_bytes=max(part.scratch_bytes for part in parts),
        work=_work(layer, parts),
        sources=("dsp/columns.c", "dsp/pieces.c"),
        shared=tuple(tile.shared for tile in tiles),
    )  # fmt: skip
    is_free = layer.filters is not None and all(part.shift is not None for part in parts)
    return replace(call, others=(lambda: {functions(one): partial(by, one) for one in SHIFTS}) if is_free else None)


def _place(layer: PiecedLayer, piece: Piece) -> _Part | None:
    """A piece without constants; None where the kernel cannot take it."""
    columns = Columns(piece.rows.taps, piece.columns.taps * piece.slice_c)
    pixel = piece.columns.step * layer.output.shape[3]
    is_stored = piece.columns.count < PIXELS or piece.channels == 1 or pixel > MOST_PIXEL_BYTES
    out_pixel = max(2, piece.channels) if is_stored else pixel
    row_bytes = piece.columns.total(PIXELS) * piece.slice_c
    if max(row_bytes, out_pixel * PIXELS) > 0xFFFF or out_pixel > MOST_PIXEL_BYTES or columns.steps > MOST_STEPS:
        return None
    channels = None
    if layer.filters is not None:
        rows = layer.rows(piece)
        channels = pair_channels(columns.laid_out(rows), layer.folded_bias(rows), layer.scaling, piece.groups)
        if channels is None:
            return None
    shift = USUAL_SHIFT if counts_on_two(layer.op, layer.output) else None
    limits = activation_range(layer.op.activation, layer.output) if layer.output.qparams else (-128, 127)
    return _Part(piece, columns, out_pixel, is_stored, channels, None, shift, limits)


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
        features["exact"] += rows * piece.columns.count * piece.channels if part.shift is None else 0
        features["stored"] += rows * piece.columns.count * piece.channels if part.stored else 0
    return Work(macs=layer.macs, outputs=layer.output.element_count, features=features)
