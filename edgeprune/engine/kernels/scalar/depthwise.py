"""DEPTHWISE_CONV_2D 3x3 (`firmware/include/scalar/depthwise3x3.h`): no dilation, multiplier 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.linear.depthwise import Depthwise, read_depthwise
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.engine.kernels.scalar.stream import scale_words
from edgeprune.engine.kernels.scaling import Int64s, accumulator_range
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op

_PLANE_BYTES = 4096  # what a channel's plane may take before it comes in bands
_RAISE = 128
_ACC_LIMIT = 1 << 22


@dataclass(frozen=True)
class _Plane:
    """One channel as the kernel sees it: rows along the image's longer side.

    Attributes:
        along, across: the image's axes, 0 for its height and 1 for its width.
        row: bytes of a row, borders included.
        band_rows: output rows from one band.
    """

    layer: Depthwise
    along: int
    across: int
    row: int
    band_rows: int

    @property
    def scratch_bytes(self) -> int:
        window = self.layer.window
        length = (window.out_h, window.out_w)[self.along]
        height = (self.band_rows - 1) * window.stride_h + 3
        return 4 * (length + length % 2) + self.row * height + 4

    def fields(self) -> dict[str, object]:
        window, along, across = self.layer.window, self.along, self.across
        in_size, in_steps = (window.in_h, window.in_w), (window.in_w * window.in_c, window.in_c)
        out_size, out_steps = (window.out_h, window.out_w), (window.out_w * window.out_c, window.out_c)
        pads = (window.pad[0], window.pad[2])
        return {
            "channels": window.in_c, "in_length": in_size[along], "in_rows": in_size[across],
            "in_step": in_steps[along], "in_row_step": in_steps[across],
            "out_length": out_size[along], "out_rows": out_size[across],
            "out_step": out_steps[along], "out_row_step": out_steps[across],
            "stride": window.stride_h, "pad_before": pads[along], "pad_rows_before": pads[across],
            "plane_row": self.row, "band_rows": self.band_rows,
        }  # fmt: skip


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.SCALAR:
        return None
    layer = read_depthwise(graph, op)
    plane = _plane(layer)
    if plane is None or (layer.weights.dtype is DType.INT4 and optimize is Optimize.SIZE):
        return None
    if layer.weights.data is None:
        return _call(plane, None, None)
    taps = layer.taps
    rows = (np.swapaxes(taps, 1, 2) if plane.along == 0 else taps).reshape(-1, 9)
    bias, scale = layer.folded_bias, scale_words(layer.scaling)
    low, high = accumulator_range(rows, bias)
    if scale is None or max(-low.min(), high.max()) >= _ACC_LIMIT:
        return None
    raised = bias - _RAISE * rows.sum(axis=1)
    return _call(plane, rows, np.concatenate([raised[:, None], scale], axis=1))


def _plane(layer: Depthwise) -> _Plane | None:
    window = layer.window
    if not (layer.is_plain_3x3 and max(window.in_w * window.in_c, window.out_w * window.out_c) <= 0xFFFF):
        return None
    along = 0 if window.out_h > window.out_w else 1
    out_size, in_size, pads = (window.out_h, window.out_w), (window.in_h, window.in_w), (window.pad[0], window.pad[2])
    row = max(pads[along] + in_size[along], (out_size[along] - 1) * window.stride_h + 3)
    rows = out_size[1 - along]
    band_rows = max(1, min(rows, (_PLANE_BYTES // row - 3) // window.stride_h + 1))
    return _Plane(layer, along, 1 - along, row, band_rows)


def _call(plane: _Plane, rows: Int64s | None, constants: Int64s | None) -> KernelCall:
    layer, window = plane.layer, plane.layer.window

    def definitions(s: Symbols) -> str:
        low, high = activation_range(layer.op.activation, layer.output)
        arrays = {"constants": s.constant("constants"), "weights": s.constant("weights")}
        limits = {"out_min": low, "out_max": high, "in_zero": scale_zero(layer.image)[1]}
        return params(s, "ep_depthwise_scalar_t", arrays | plane.fields() | limits)

    is_whole = plane.band_rows == (window.out_h, window.out_w)[plane.across]
    in_place = window.batches == 1 and is_whole and window.out_len <= window.in_len
    return KernelCall(
        function="ep_depthwise_scalar",
        emit=lambda s: image_calls(s, "ep_depthwise_scalar", layer.image, layer.output, s.scratch()),
        sources=("scalar/depthwise3x3.c", "scalar/finish.c"),
        headers=("scalar/depthwise3x3.h",),
        constants=(
            Constant(
                "constants", "int32_t", 4 * window.in_c, 4, table_bytes=12 * window.in_c,
                values=None if constants is None else (lambda: constants.astype(np.int32).reshape(-1)),
            ),
            Constant(
                "weights", "int8_t", 9 * window.in_c, 1,
                values=None if rows is None else (lambda: rows.astype(np.int8).reshape(-1)),
            ),
        ),
        scratch_bytes=plane.scratch_bytes,
        overlaps=(Overlap(0, "same", 0),) if in_place else (),
        work=Work(
            macs=layer.macs,
            outputs=window.batches * window.out_len,
            features={
                "loaded": window.batches * window.in_len,
                "plane_rows": window.batches * window.in_c * (window.in_h, window.in_w)[plane.across],
                "out_rows": window.batches * window.in_c * (window.out_h, window.out_w)[plane.across],
                "strided": window.batches * window.out_len * (window.stride_w - 1),
            },
        ),
        definitions=definitions,
    )  # fmt: skip
