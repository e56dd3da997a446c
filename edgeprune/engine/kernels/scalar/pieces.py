"""CONV_2D with groups or dilation, and TRANSPOSE_CONV (`firmware/include/scalar/pieces.h`)."""

from __future__ import annotations

from dataclasses import dataclass

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.linear.conv2d import read_conv2d
from edgeprune.engine.kernels.linear.transpose_conv import read_transpose_conv
from edgeprune.engine.kernels.pieces import Piece, PiecedLayer, conv_pieces, pieces_call, transposed_pieces
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.engine.kernels.scalar.stream import LANE_LIMIT, Words, channel_words, stream_constant
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op

_PIXELS = 4
_STEP_BYTES = 64  # of the columns: four taps of four pixels, a word each on ARMv6-M


@dataclass(frozen=True, eq=False)
class _Part:
    """One piece on these cores."""

    piece: Piece
    words: Words | None

    @property
    def steps(self) -> int:
        return -(-self.piece.taps // 4)

    @property
    def row_bytes(self) -> int:
        return self.piece.columns.total(_PIXELS) * self.piece.slice_c

    @property
    def scratch_bytes(self) -> int:
        tile = _PIXELS * self.piece.channels if self.piece.columns.count < _PIXELS else 0
        return _STEP_BYTES * self.steps + tile + self.piece.rows.taps * self.row_bytes

    def fields(self, layer: PiecedLayer, stream: str) -> str:
        low, high = activation_range(layer.op.activation, layer.output)
        geometry = ", ".join(f".{name} = {value}" for name, value in layer.fields(self.piece, _PIXELS).items())
        words = self.piece.channels * (4 + self.steps)
        return (
            f"    {{ .piece = {{ {geometry} }},\n      .stream = {stream}, .stream_words = {words}, "
            f".steps = {self.steps}, .out_min = {low}, .out_max = {high} }},\n"
        )


def conv2d(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.SCALAR:
        return None
    conv = read_conv2d(graph, op)
    if conv.weights.dtype is DType.INT4 and optimize is Optimize.SIZE:
        return None
    return _call(conv_pieces(conv))


def transpose_conv(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    return _call(transposed_pieces(read_transpose_conv(graph, op))) if isa is Isa.SCALAR else None


def _call(layer: PiecedLayer) -> KernelCall | None:
    parts = []
    for piece in layer.pieces:
        words = None
        if layer.filters is not None:
            rows = layer.rows(piece)
            words = channel_words(rows, layer.folded_bias(rows), layer.scaling, LANE_LIMIT)
            if words is None:
                return None
        parts.append(_Part(piece, words))

    def definitions(s: Symbols) -> str:
        streams = (s.constant(f"stream{index}") for index in layer.streams)
        rows = "".join(part.fields(layer, stream) for part, stream in zip(parts, streams, strict=True))
        return f"static const ep_piece_scalar_t {s.layer}_pieces[] = {{\n{rows}}};\n"

    return pieces_call(
        layer, "scalar", definitions,
        constants=tuple(
            stream_constant(part.piece.groups * part.piece.channels, part.piece.taps, part.words, f"stream{index}")
            for index, part in ((index, parts[index]) for index in dict.fromkeys(layer.streams))
        ),
        scratch_bytes=max(part.scratch_bytes for part in parts),
        work=_work(layer, parts),
        sources=("scalar/columns.c", "scalar/tile.c", "scalar/pieces.c"),
    )  # fmt: skip


def _work(layer: PiecedLayer, parts: list[_Part]) -> Work:
    features = {"rows": 0, "row_bytes": 0, "tiles": 0, "channels": 0, "channel_steps": 0, "together_taps": 0}
    for part in parts:
        piece = part.piece
        rows = layer.image.shape[0] * piece.rows.count * piece.groups
        tiles = rows * -(-piece.columns.count // _PIXELS)
        features["rows"] += rows * piece.rows.taps
        features["row_bytes"] += rows * piece.rows.taps * part.row_bytes
        features["tiles"] += tiles
        features["channels"] += tiles * piece.channels
        features["channel_steps"] += tiles * piece.channels * part.steps
        features["together_taps"] += tiles * _PIXELS * piece.taps
    return Work(macs=layer.macs, outputs=layer.output.element_count, features=features)
