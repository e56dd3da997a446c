"""CONV_2D with groups, dilation or few channels, and TRANSPOSE_CONV (`firmware/include/mve/pieces.h`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.linear.conv2d import read_conv2d
from edgeprune.engine.kernels.linear.transpose_conv import read_transpose_conv
from edgeprune.engine.kernels.mve.stream import Rows, make_stream, saturates
from edgeprune.engine.kernels.pieces import Piece, PiecedLayer, conv_pieces, pieces_call, transposed_pieces
from edgeprune.engine.kernels.scaling import Int64s
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_PIXELS = 2
_MOST_BYTES = 0xFFFF


@dataclass(frozen=True, eq=False)
class _Part:
    """One piece on this core."""

    piece: Piece
    stream: NDArray[np.int32] | None

    @property
    def rows(self) -> Rows:
        return Rows(self.piece.channels, self.piece.taps)

    @property
    def row_bytes(self) -> int:
        return self.piece.columns.total(_PIXELS) * self.piece.slice_c

    @property
    def scratch_bytes(self) -> int:
        return _PIXELS * self.rows.column_bytes + self.piece.rows.taps * self.row_bytes

    def constant(self, role: str) -> Constant:
        values, groups = self.stream, self.piece.groups
        return Constant(
            role, "int32_t", groups * self.rows.words, 4, table_bytes=8 * groups * self.piece.channels,
            values=None if values is None else (lambda: values),
        )  # fmt: skip

    def fields(self, layer: PiecedLayer, stream: str) -> str:
        scaling = layer.scaling
        geometry = ", ".join(f".{name} = {value}" for name, value in layer.fields(self.piece, _PIXELS).items())
        tile = "ep_mve_tile_positive" if saturates(scaling) else "ep_mve_tile_signed"
        return (
            f"    {{ .piece = {{ {geometry} }},\n      .tile = {tile}, .stream = {stream}, "
            f".stream_words = {self.rows.words},\n      .out_zero = {scaling.zero_point}, "
            f".out_min = {scaling.low}, .out_max = {scaling.high} }},\n"
        )


def conv2d(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    return _call(conv_pieces(read_conv2d(graph, op))) if isa is Isa.MVE else None


def transpose_conv(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    return _call(transposed_pieces(read_transpose_conv(graph, op))) if isa is Isa.MVE else None


def _call(layer: PiecedLayer) -> KernelCall | None:
    parts = []
    for piece in layer.pieces:
        part = _Part(piece, None)
        if part.row_bytes > _MOST_BYTES or part.rows.column_bytes > _MOST_BYTES:
            return None
        if layer.filters is not None:
            stream = _stream(layer.rows(piece), layer, piece.groups)
            if stream is None:
                return None
            part = _Part(piece, stream)
        parts.append(part)

    def definitions(s: Symbols) -> str:
        streams = (s.constant(f"stream{index}") for index in layer.streams)
        rows = "".join(part.fields(layer, stream) for part, stream in zip(parts, streams, strict=True))
        return f"static const ep_piece_mve_t {s.layer}_pieces[] = {{\n{rows}}};\n"

    return pieces_call(
        layer, "mve", definitions,
        constants=tuple(parts[index].constant(f"stream{index}") for index in dict.fromkeys(layer.streams)),
        scratch_bytes=max(part.scratch_bytes for part in parts),
        work=_work(layer, parts),
        sources=("mve/tile.c", "mve/pieces.c"),
    )  # fmt: skip


def _stream(rows: Int64s, layer: PiecedLayer, groups: int) -> NDArray[np.int32] | None:
    """The streams of all groups, one after the other."""
    own, bias, scaling = len(rows) // groups, layer.folded_bias(rows), layer.scaling
    streams = []
    for first in range(0, len(rows), own):
        channels = slice(first, first + own)
        stream = make_stream(rows[channels], bias[channels], scaling.of(channels))
        if stream is None:
            return None
        streams.append(stream)
    return np.concatenate(streams)


def _work(layer: PiecedLayer, parts: list[_Part]) -> Work:
    features: dict[str, int] = {}
    for part in parts:
        piece = part.piece
        rows = layer.image.shape[0] * piece.rows.count * piece.groups
        tiles, pixels = rows * -(-piece.columns.count // _PIXELS), rows * piece.columns.count
        done = part.rows.features(tiles, pixels) | {
            "rows": rows * piece.rows.taps,
            "row_bytes": rows * piece.rows.taps * part.row_bytes,
            "column_rows": pixels * piece.rows.taps,
            "column_vectors": pixels * piece.rows.taps * -(-piece.columns.taps * piece.slice_c // 16),
        }
        features = {name: features.get(name, 0) + count for name, count in done.items()}
    return Work(macs=layer.macs, outputs=layer.output.element_count, features=features)
