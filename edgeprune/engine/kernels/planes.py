"""DEPTHWISE_CONV_2D of any window (`firmware/include/ep_depthwise_planes.h`): how a channel is cut into planes.

What an instruction set brings is a `PlaneKernel`; geometry, scratch and the order of reads and writes are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import gcd

import numpy as np

from edgeprune.engine.kernels.base import Constant, KernelCall, Overlap, Shared, Symbols, Work
from edgeprune.engine.kernels.linear.depthwise import Depthwise
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.engine.kernels.scaling import Int64s, accumulator_range
from edgeprune.engine.kernels.words import as_words

_PLANE_BYTES = 2048  # what a channel's plane may take before it comes in bands and segments
_MOST_PARTS = 0xFFFF
_LOAD_COST, _ROW_COST = 2, 20  # instructions of an element of the plane, of a row of outputs, about
_CONSTANTS = 4


@dataclass(frozen=True)
class Planes:
    """How a layer's channels are cut.

    Attributes:
        layer: of the operator.
        transposed: rows run along the image's height.
        segment, band_rows: outputs at once, along and across the rows.
        row: int16 elements of a row of the plane, even.
        block: outputs the sums are made of at once.
    """

    layer: Depthwise
    transposed: bool
    segment: int
    band_rows: int
    row: int
    block: int

    @property
    def axes(self) -> _Axes:
        return _axes(self.layer, self.transposed)

    @property
    def plane_bytes(self) -> int:
        return 2 * self.row * self.axes.band_height(self.band_rows)

    @property
    def bands(self) -> int:
        return -(-self.axes.out_rows // self.band_rows)

    @property
    def segments(self) -> tuple[int, ...]:
        """Outputs of each, of a row."""
        axes = self.axes
        counts = []
        for phase in range(min(axes.phases, axes.out_length)):
            left = -(-(axes.out_length - phase) // axes.phases)
            counts += [self.segment] * (left // self.segment) + [left % self.segment] * (left % self.segment > 0)
        return tuple(counts)

    @property
    def in_place(self) -> bool:
        """Output pixel i of a channel lies where input pixel i of the channel was: it must have been read by then."""
        window, axes = self.layer.window, self.axes
        if window.batches > 1 or self.layer.multiplier_c > 1 or len(self.segments) > 1:
            return False
        if self.bands == 1:
            return window.out_h * window.out_w <= window.in_h * window.in_w
        first_rows = np.arange(self.band_rows, axes.out_rows, self.band_rows)  # of the bands but the first
        loaded = (first_rows - 1) * axes.row_stride - axes.pad_rows + axes.span
        left = loaded < axes.in_rows
        return not self.transposed and bool(
            np.all((first_rows * window.out_w <= np.maximum(loaded, 0) * window.in_w)[left])
        )

    @property
    def features(self) -> dict[str, int]:
        """What there is to do, for the latency model."""
        axes, window = self.axes, self.layer.window
        filters, segments = window.batches * window.out_c, self.segments
        columns = sum((count - 1) * axes.plane_stride + axes.taps for count in segments)
        rows = (axes.out_rows - 1) * axes.row_stride + axes.span
        blocks = sum(-(-count // self.block) for count in segments)
        return {
            "loaded": window.batches * window.in_c * rows * columns,
            "loaded_rows": window.batches * window.in_c * rows * len(segments),
            "sum_rows": filters * axes.out_rows * len(segments),
            "block_rows": filters * axes.out_rows * blocks * axes.tap_rows,
            "blocks": filters * axes.out_rows * blocks,
            "widened": filters * self.bands * len(segments) * axes.taps * axes.tap_rows,
            "bands": filters * self.bands * len(segments),
        }

    @property
    def cost(self) -> float:
        """Instructions beyond the products, about."""
        axes, done = self.axes, self.features
        wasted = done["blocks"] * self.block * axes.taps * axes.tap_rows
        return wasted + _LOAD_COST * done["loaded"] + _ROW_COST * (done["sum_rows"] + done["loaded_rows"])

    def fields(self) -> dict[str, object]:
        """The C fields on geometry."""
        axes, window = self.axes, self.layer.window
        return {
            "in_c": window.in_c, "multiplier_c": self.layer.multiplier_c,
            "in_length": axes.in_length, "in_rows": axes.in_rows,
            "in_step": axes.in_step, "in_row_step": axes.in_row_step,
            "out_length": axes.out_length, "out_rows": axes.out_rows,
            "out_step": axes.out_step, "out_row_step": axes.out_row_step,
            "taps": axes.taps, "tap_rows": axes.tap_rows, "dilation": axes.dilation, "row_dilation": axes.row_dilation,
            "stride": axes.stride, "row_stride": axes.row_stride,
            "phases": axes.phases, "plane_stride": axes.plane_stride, "pad": axes.pad, "pad_rows": axes.pad_rows,
            "segment": self.segment, "band_rows": self.band_rows, "plane_row": self.row,
        }  # fmt: skip


@dataclass(frozen=True)
class _Axes:
    """Sizes along and across a plane's rows, named as in ep_depthwise_planes.h."""

    in_length: int
    in_rows: int
    out_length: int
    out_rows: int
    in_step: int
    in_row_step: int
    out_step: int
    out_row_step: int
    taps: int
    tap_rows: int
    stride: int
    row_stride: int
    dilation: int
    row_dilation: int
    pad: int
    pad_rows: int

    @property
    def phases(self) -> int:
        return self.dilation // gcd(self.stride, self.dilation)

    @property
    def plane_stride(self) -> int:
        return self.stride // gcd(self.stride, self.dilation)

    @property
    def span(self) -> int:
        return (self.tap_rows - 1) * self.row_dilation + 1

    def band_height(self, rows: int) -> int:
        return (rows - 1) * self.row_stride + self.span


def _axes(layer: Depthwise, transposed: bool) -> _Axes:
    window = layer.window
    along, across = (0, 1) if transposed else (1, 0)
    in_size, out_size = (window.in_h, window.in_w), (window.out_h, window.out_w)
    in_steps, out_steps = (window.in_w * window.in_c, window.in_c), (window.out_w * window.out_c, window.out_c)
    taps, pads = (window.kernel_h, window.kernel_w), (window.pad[0], window.pad[2])
    strides, dilations = (window.stride_h, window.stride_w), (window.dilation_h, window.dilation_w)
    return _Axes(
        *(sizes[axis] for sizes in (in_size, out_size, in_steps, out_steps, taps, strides, dilations, pads)
          for axis in (along, across))
    )  # fmt: skip


Blocks = Callable[[int, int, int], int]
"""How many outputs the sums are best made of at once: of (outputs of a segment, taps of a row, inputs between them)."""


def choose_planes(layer: Depthwise, blocks: Blocks, lanes: int = 2) -> Planes | None:
    """The cut that costs less, in place where that is possible; None where a size has no place in the C fields.

    Args:
        lanes: elements of a plane that are read at once.
    """
    both = [_planes(layer, transposed, blocks, lanes) for transposed in (False, True)]
    fitting = [planes for planes in both if planes.row <= 0xFFFF and planes.bands <= _MOST_PARTS]
    return min(fitting, key=lambda planes: planes.cost * (1 if planes.in_place else 2), default=None)


def _planes(layer: Depthwise, transposed: bool, blocks: Blocks, lanes: int) -> Planes:
    axes = _axes(layer, transposed)
    longest = -(-axes.out_length // axes.phases)
    parts = 0
    while True:
        parts += 1
        segment = -(-longest // parts)
        block = blocks(segment, axes.taps, axes.plane_stride)
        columns = (-(-segment // block) * block - 1) * axes.plane_stride + axes.taps + lanes - 1
        row = -(-columns // 2) * 2
        if 2 * row * axes.span <= _PLANE_BYTES or segment <= 4 * block:
            break
    rows = _PLANE_BYTES // (2 * row)
    band_rows = min(axes.out_rows, max(1, (rows - axes.span) // axes.row_stride + 1))
    return Planes(layer, transposed, segment, band_rows, row, block)


@dataclass(frozen=True, eq=False)
class PlaneKernel:
    """What an instruction set brings.

    Attributes:
        copy, run: C functions of `ep_plane_kernel_t`.
        sources, headers, shared: as in `KernelCall`.
        taps_words: scratch for a channel's widened weights.
        scale: (out_c, 1 to 3) what `run` reads beside the bias; None where the graph holds no data.
        raised: is added to every input.
        times: (out_c,) what `run` multiplies the weights with, and so the biases; None for 1.
        nudge: (out_c,) is added to the biases.
        features: of the latency model, beside `Planes.features`.
    """

    copy: str
    run: str
    sources: tuple[str, ...]
    headers: tuple[str, ...]
    taps_words: int
    scale: Int64s | None
    shared: tuple[Shared, ...] = ()
    raised: int = 0
    times: Int64s | None = None
    nudge: Int64s | None = None
    features: Mapping[str, int] = field(default_factory=dict)


def in_reach(layer: Depthwise, limit: int) -> bool:
    """Whether every accumulator stays below `limit`, above -limit."""
    low, high = accumulator_range(layer.rows, layer.folded_bias)
    return max(-int(low.min()), int(high.max())) < limit


def plane_call(planes: Planes, kernel: PlaneKernel) -> KernelCall:
    layer, window = planes.layer, planes.layer.window
    acc_words = -(-planes.segment // planes.block) * planes.block
    filter_len = window.kernel_h * window.kernel_w

    def definitions(s: Symbols) -> str:
        low, high = activation_range(layer.op.activation, layer.output)
        fields: Mapping[str, object] = {
            "kernel": f"{{ {kernel.copy}, {kernel.run} }}",
            "constants": s.constant("constants"), "weights": s.constant("weights"),
        } | planes.fields() | {
            "acc_words": acc_words, "taps_words": kernel.taps_words,
            "plane_elements": planes.plane_bytes // 2, "raise": kernel.raised,
            "out_min": low, "out_max": high,
            "out_zero": scale_zero(layer.output)[1], "in_zero": scale_zero(layer.image)[1],
        }  # fmt: skip
        return params(s, "ep_planes_t", fields)

    known = kernel.scale is not None
    return KernelCall(
        function="ep_depthwise_planes",
        emit=lambda s: image_calls(s, "ep_depthwise_planes", layer.image, layer.output, s.scratch()),
        sources=("ref/depthwise_planes.c", *kernel.sources),
        headers=kernel.headers,
        constants=(
            Constant(
                "constants", "int32_t", _CONSTANTS * window.out_c, 4, table_bytes=4 * (_CONSTANTS - 1) * window.out_c,
                values=(lambda: _constants(planes, kernel)) if known else None,
            ),
            Constant(
                "weights", "int8_t", filter_len * window.out_c, 1,
                values=(lambda: _filters(planes).astype(np.int8).reshape(-1)) if known else None,
            ),
        ),
        scratch_bytes=4 * (acc_words + kernel.taps_words) + planes.plane_bytes * min(2, window.in_c),
        overlaps=(Overlap(0, "same", 0),) if planes.in_place else (),
        work=Work(
            macs=layer.macs,
            outputs=window.batches * window.out_len,
            features=planes.features | dict(kernel.features),
        ),
        definitions=definitions,
        shared=kernel.shared,
    )  # fmt: skip


def _filters(planes: Planes) -> Int64s:
    """(out_c, rows of taps, taps) in the plane's order."""
    taps = planes.layer.taps
    return np.ascontiguousarray(np.swapaxes(taps, 1, 2) if planes.transposed else taps)


def _constants(planes: Planes, kernel: PlaneKernel) -> np.ndarray:
    assert kernel.scale is not None
    layer = planes.layer
    bias = layer.folded_bias - kernel.raised * layer.rows.sum(axis=1)
    if kernel.times is not None:
        bias = bias * kernel.times
    values = np.zeros((layer.window.out_c, _CONSTANTS), np.int64)
    values[:, 0] = bias if kernel.nudge is None else bias + kernel.nudge
    values[:, 1 : 1 + kernel.scale.shape[1]] = kernel.scale
    return as_words(values).view(np.int32).reshape(-1)
