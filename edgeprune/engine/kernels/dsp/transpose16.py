"""TRANSPOSE_CONV over int16 activations: a convolution for all outputs that meet the same taps."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.dsp.tiles16 import CONV_SOURCES, Tiles
from edgeprune.engine.kernels.linear.transpose_conv import read_transpose_conv
from edgeprune.engine.kernels.operands import params
from edgeprune.engine.kernels.pieces import Piece, PiecedLayer, transposed_pieces
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    """Where no window starts to the right of the image's first column, or below its last row."""
    layer = transposed_pieces(read_transpose_conv(graph, op))
    out_c, in_h = layer.output.shape[3], layer.image.shape[1]
    if any(piece.columns.start > 0 or piece.rows.start >= in_h for piece in layer.pieces):
        return None
    tiles = [
        Tiles(
            op, layer.image, layer.weights, layer.bias, layer.output,
            None if layer.filters is None else layer.rows(piece), out_c, piece.taps, f"weights{index}",
        )
        for index, piece in enumerate(layer.pieces)
    ]  # fmt: skip
    return _call(layer, tiles)


def _call(layer: PiecedLayer, tiles: list[Tiles]) -> KernelCall:
    (_, _, in_w, in_c), (batches, out_h, out_w, out_c) = layer.image.shape, layer.output.shape

    def definitions(s: Symbols) -> str:
        text = ""
        for index, (piece, own) in enumerate(zip(layer.pieces, tiles, strict=True)):
            steps = (piece.columns.step * out_c, piece.rows.step * out_w * out_c)
            text += params(s, "ep_conv2d_t", _geometry(layer, piece), f"piece{index}")
            text += params(s, "ep_tiles16_t", own.fields(s, *steps), f"tiles{index}")
        return text

    def emit(s: Symbols) -> str:
        lines = []
        for image in range(batches):
            for index, piece in enumerate(layer.pieces):
                first_row = image * layer.image.shape[1] + max(piece.rows.start, 0)
                place = ((image * out_h + piece.rows.first) * out_w + piece.columns.first) * out_c
                lines.append(
                    f"ep_conv2d_int16_dsp(&{s.layer}_piece{index}, {s.input(0)} + {first_row * in_w * in_c}U, "
                    f"{s.output(0)} + {place}U, &{s.layer}_tiles{index}, {s.scratch()});"
                )
        return "\n".join(lines)

    scaling = next((own.scaling for own in tiles if own.scaling), ())
    return KernelCall(
        function="ep_conv2d_int16_dsp",
        emit=emit,
        sources=CONV_SOURCES,
        headers=("dsp/conv2d_int16.h",),
        constants=(*(own.constant for own in tiles), *scaling),
        scratch_bytes=max(own.scratch_bytes for own in tiles),
        work=Work(macs=layer.macs, outputs=layer.output.element_count),
        definitions=definitions,
    )


def _geometry(layer: PiecedLayer, piece: Piece) -> dict[str, object]:
    """The C fields of one piece as a convolution; rows above its first window's are left out of the image."""
    (_, in_h, in_w, in_c), rows, columns = layer.image.shape, piece.rows, piece.columns
    return {
        "in_h": in_h - max(rows.start, 0), "in_w": in_w, "in_c": in_c,
        "out_h": rows.count, "out_w": columns.count, "out_c": piece.channels,
        "kernel_h": rows.taps, "kernel_w": columns.taps, "stride_h": rows.stride, "stride_w": columns.stride,
        "dilation_h": 1, "dilation_w": 1, "pad_top": max(-rows.start, 0), "pad_left": -columns.start,
    }  # fmt: skip
