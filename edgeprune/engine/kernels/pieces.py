"""Convolutions as pieces that are ordinary ones (`firmware/include/ep_pieces.h`): groups, dilation, TRANSPOSE_CONV."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd

import numpy as np

from edgeprune.engine.kernels.base import Constant, KernelCall, Overlap, Shared, Symbols, Work
from edgeprune.engine.kernels.geometry import Window
from edgeprune.engine.kernels.linear.conv2d import Conv2d
from edgeprune.engine.kernels.linear.transpose_conv import TransposeConv
from edgeprune.engine.kernels.requant import scale_zero
from edgeprune.engine.kernels.scaling import Int64s, Scaling, folded_bias, layer_scaling
from edgeprune.ir import Op, Tensor


@dataclass(frozen=True)
class Axis:
    """One axis of a piece.

    Attributes:
        first, step, count: of the outputs: `first + i * step`.
        taps, dilation: of the window, and inputs from one to the next.
        start, stride: the first window's first input, maybe outside, and inputs to the next window.
        in_size: of the image.
        weights: the place in the filter of each tap; none where outputs meet no tap, and have one of weight 0.
    """

    first: int
    step: int
    count: int
    taps: int
    dilation: int
    start: int
    stride: int
    in_size: int
    weights: tuple[int, ...]

    @property
    def between(self) -> int:
        """Of the inputs that are `dilation` apart, those from one window to the next."""
        assert self.stride % self.dilation == 0
        return self.stride // self.dilation

    def total(self, at_least: int) -> int:
        """Those from the first window's first to the last one's last, of as many outputs at least."""
        return (max(self.count, at_least) - 1) * self.between + self.taps

    def inside(self, at_least: int) -> tuple[int, int]:
        """(how many of them lie before the image, and how many inside)."""
        total = self.total(at_least)
        before = min(total, max(0, -(self.start // self.dilation)))
        reach = self.in_size - self.start - before * self.dilation
        return before, max(0, min(total - before, -(-reach // self.dilation)))


@dataclass(frozen=True)
class Piece:
    """An ordinary convolution of `groups` slices of `slice_c` channels to `channels` each."""

    rows: Axis
    columns: Axis
    groups: int
    slice_c: int
    channels: int

    @property
    def taps(self) -> int:
        return self.rows.taps * self.columns.taps * self.slice_c


@dataclass(frozen=True, eq=False)
class PiecedLayer:
    """A layer in pieces.

    Attributes:
        op, image, output, weights, bias: of the layer.
        macs: of the layer, as the graph states it.
        pieces: in the order they run in, row after row of outputs.
        filters: (out_c, kernel_h, kernel_w, slice_c) weights; None where the graph holds no data.
        overlaps: as in `KernelCall`.
    """

    op: Op
    image: Tensor
    output: Tensor
    weights: Tensor
    bias: Tensor | None
    macs: int
    pieces: tuple[Piece, ...]
    filters: Int64s | None
    overlaps: tuple[Overlap, ...]

    @property
    def scaling(self) -> Scaling:
        return layer_scaling(self.op, self.image, self.weights, self.output, self.output.shape[3])

    @property
    def streams(self) -> tuple[int, ...]:
        """For each piece the first one of its weights: the phases of a dilation read one stream."""
        first: dict[object, int] = {}
        weights = ((piece.rows.weights, piece.columns.weights) for piece in self.pieces)
        return tuple(first.setdefault(own, index) for index, own in enumerate(weights))

    @property
    def out_h(self) -> int:
        return max(piece.rows.count for piece in self.pieces)

    def rows(self, piece: Piece) -> Int64s:
        """(out_c, taps) weights of one piece."""
        assert self.filters is not None
        rows, columns = piece.rows.weights, piece.columns.weights
        if not rows or not columns:
            return np.zeros((len(self.filters), piece.taps), np.int64)
        return np.ascontiguousarray(self.filters[:, rows][:, :, columns]).reshape(len(self.filters), -1)

    def folded_bias(self, rows: Int64s) -> Int64s:
        """(out_c,) with the input's zero point under these rows of weights in it."""
        return folded_bias(rows, self.bias, self.image)

    def fields(self, piece: Piece, at_least: int) -> dict[str, object]:
        """The C fields of one piece; `at_least`: outputs of a row that are read together."""
        (_, in_h, in_w, in_c), (_, _, out_w, out_c) = self.image.shape, self.output.shape
        rows, columns = piece.rows, piece.columns
        before, inside = columns.inside(at_least)
        first = columns.start + before * columns.dilation if inside else 0
        return {
            "in_first": first * in_c, "in_row_step": in_w * in_c, "in_step": columns.dilation * in_c,
            "out_first": (rows.first * out_w + columns.first) * out_c, "out_row_step": rows.step * out_w * out_c,
            "out_pixel": columns.step * out_c, "out_h": rows.count, "out_w": columns.count,
            "groups": piece.groups, "slice": piece.slice_c, "channels": piece.channels, "in_h": in_h,
            "kernel_h": rows.taps, "kernel_w": columns.taps, "top": rows.start,
            "row_stride": rows.stride, "row_dilation": rows.dilation, "stride": columns.between,
            "before": before, "inside": inside, "behind": columns.total(at_least) - before - inside,
            "in_zero": scale_zero(self.image)[1],
        }  # fmt: skip


def conv_pieces(conv: Conv2d) -> PiecedLayer:
    window = conv.window
    order_h, order_w = tuple(range(window.kernel_h)), tuple(range(window.kernel_w))
    rows = Axis(
        0, 1, window.out_h, window.kernel_h, window.dilation_h, -window.pad[0], window.stride_h, window.in_h, order_h
    )
    phases = window.dilation_w // gcd(window.stride_w, window.dilation_w)
    columns = [
        Axis(
            phase, phases, -(-(window.out_w - phase) // phases), window.kernel_w, window.dilation_w,
            phase * window.stride_w - window.pad[2], phases * window.stride_w, window.in_w, order_w,
        )
        for phase in range(min(phases, window.out_w))
    ]  # fmt: skip
    data = conv.weights.data
    return PiecedLayer(
        op=conv.op, image=conv.image, output=conv.output, macs=conv.macs,
        pieces=tuple(Piece(rows, part, conv.groups, conv.group_in_c, window.out_c // conv.groups) for part in columns),
        filters=None if data is None else data.astype(np.int64), weights=conv.weights, bias=conv.bias,
        overlaps=_row_overlaps(window),
    )  # fmt: skip


def transposed_pieces(layer: TransposeConv) -> PiecedLayer:
    """A piece for all outputs that meet the same taps: those `stride` apart."""
    (_, in_h, in_w, in_c), (out_c, kernel_h, kernel_w, _) = layer.image.shape, layer.weights.shape
    _, out_h, out_w, _ = layer.output.shape
    (stride_h, stride_w), (pad_h, pad_w) = layer.stride, layer.pad
    data = layer.weights.data
    return PiecedLayer(
        op=layer.op, image=layer.image, output=layer.output, macs=layer.macs,
        pieces=tuple(
            Piece(rows, columns, 1, in_c, out_c)
            for rows in _phases(in_h, out_h, kernel_h, stride_h, pad_h)
            for columns in _phases(in_w, out_w, kernel_w, stride_w, pad_w)
        ),
        filters=None if data is None else data.astype(np.int64), weights=layer.weights, bias=layer.bias, overlaps=(),
    )  # fmt: skip


def _phases(in_size: int, out_size: int, kernel: int, stride: int, pad: int) -> list[Axis]:
    """Output p meets tap i of input k where p + pad = k * stride + i."""
    axes = []
    for first in range(min(stride, out_size)):
        last_input, phase = divmod(first + pad, stride)  # the last input that reaches `first`, by its tap `phase`
        met = range(phase, kernel, stride)
        taps = max(1, len(met))
        count = -(-(out_size - first) // stride)
        axes.append(Axis(first, stride, count, taps, 1, last_input - taps + 1, 1, in_size, tuple(reversed(met))))
    return axes


def _row_overlaps(window: Window) -> tuple[Overlap, ...]:
    """A row of outputs may not reach the input rows that it or later ones read."""
    if window.batches > 1:
        return ()
    written = np.arange(1, window.out_h + 1) * window.out_w * window.out_c
    first_read = np.maximum(np.arange(window.out_h) * window.stride_h - window.pad[0], 0)
    return (Overlap(0, "forward", int((written - first_read * window.in_w * window.in_c).max())),)


def pieces_call(
    layer: PiecedLayer,
    folder: str,
    definitions: Callable[[Symbols], str],
    constants: tuple[Constant, ...],
    scratch_bytes: int,
    work: Work,
    sources: tuple[str, ...] = (),
    shared: tuple[Shared, ...] = (),
) -> KernelCall:
    """The call of `ep_pieces_<folder>`; `definitions` define the array `<layer>_pieces`."""
    function = f"ep_pieces_{folder}"
    image, output = layer.image, layer.output

    def emit(s: Symbols) -> str:
        head = f"{function}({s.layer}_pieces, {len(layer.pieces)}, {layer.out_h}"
        if image.shape[0] == 1:
            return f"{head}, {s.input(0)}, {s.output(0)}, {s.scratch()});"
        steps = [tensor.element_count // image.shape[0] for tensor in (image, output)]
        return (
            f"for (uint32_t n = 0; n < {image.shape[0]}U; n++) {{\n"
            f"    {head}, {s.input(0)} + n * {steps[0]}U, {s.output(0)} + n * {steps[1]}U, {s.scratch()});\n}}"
        )

    return KernelCall(
        function=function,
        emit=emit,
        sources=("ref/pieces.c", *sources),
        headers=(f"{folder}/pieces.h",),
        constants=constants,
        scratch_bytes=scratch_bytes,
        overlaps=layer.overlaps,
        work=work,
        definitions=definitions,
        shared=shared,
    )
