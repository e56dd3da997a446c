"""DEPTHWISE_CONV_2D 3x3 (`firmware/include/dsp/depthwise3x3.h`): stride 1 or 2, no dilation, multiplier 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Others, Overlap, Shared, Symbols, Work
from edgeprune.engine.kernels.dsp.code_size import depthwise_bytes
from edgeprune.engine.kernels.dsp.constants import (
    SHIFTS,
    USUAL_SHIFT,
    Requantized,
    counts_on_two,
    exact_constants,
)
from edgeprune.engine.kernels.dsp.unroll import Unroll, unroll, unroll_within
from edgeprune.engine.kernels.linear.depthwise import Depthwise, read_depthwise
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.engine.kernels.scaling import Int64s, accumulator_range
from edgeprune.engine.kernels.words import Words, as_words
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_SCRATCH_BYTES = 4096  # what the planes of two channels may take before they come in bands
_MOST_ROW_BYTES = {1: 508, 2: 131}  # by stride: LDRD reaches two rows back, and for stride 2 LDR two rows less 8


@dataclass(frozen=True)
class _Plane:
    """One channel as the kernel sees it: rows along the image's width, or, transposed, along its height.

    Attributes:
        transposed: rows run along the height.
        stride: 1 or 2.
        in_length, in_rows, out_length, out_rows: along and across the rows.
        pad, pad_rows: zero points before the image, along and across.
        in_step, in_row_step, out_step, out_row_step: bytes between neighbours, along and across.
        row: int16 elements of a row, even.
        band_rows: output rows from one band.
    """

    transposed: bool
    stride: int
    in_length: int
    in_rows: int
    out_length: int
    out_rows: int
    pad: int
    pad_rows: int
    in_step: int
    in_row_step: int
    out_step: int
    out_row_step: int
    row: int
    band_rows: int

    @property
    def plane_bytes(self) -> int:
        return _band_height(self.band_rows, self.stride) * self.row * 2


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.DSP:
        return None
    layer = read_depthwise(graph, op)
    plane = _choose_plane(layer)
    if plane is None:
        return None
    if layer.weights.data is None:
        return _call(layer, plane, None, optimize)
    low, high = accumulator_range(layer.rows, layer.folded_bias)
    if max(-low.min(), high.max()) >= 1 << 30:
        return None
    channels = Requantized.of(layer.scaling, low, high)
    if optimize is Optimize.SPEED or counts_on_two(op, layer.output):
        values = _in_two(channels, SHIFTS) or _exact(channels)
    else:
        values = _exact(channels) or _in_two(channels, SHIFTS)
    return None if values is None else _call(layer, plane, values, optimize)


def _choose_plane(layer: Depthwise) -> _Plane | None:
    if not layer.is_plain_3x3:
        return None
    planes = [plane for transposed in (False, True) if (plane := _plane(layer, transposed)) is not None]
    return min(planes, key=_row_cost, default=None)


def _row_cost(plane: _Plane) -> int:
    """Instructions of all rows of one channel, about: a pair of outputs, an odd one, a row."""
    pair = (22 if plane.stride == 1 else 25) + (plane.out_step > 255)
    return plane.out_rows * (plane.out_length // 2 * pair + plane.out_length % 2 * 13 + 8) + plane.in_rows * 10


def _plane(layer: Depthwise, transposed: bool) -> _Plane | None:
    window = layer.window
    top, _, left, _ = window.pad
    stride = window.stride_h
    in_size, out_size, pads = (window.in_h, window.in_w), (window.out_h, window.out_w), (top, left)
    in_steps = (window.in_w * window.in_c, window.in_c)
    out_steps = (window.out_w * window.out_c, window.out_c)
    along, across = (0, 1) if transposed else (1, 0)
    pairs = out_size[along] // 2
    # A pair loads words of two elements: up to 2 * stride + 2 from its first input on, an odd output 4.
    needed = max(stride * 2 * pairs + 2, (out_size[along] - 1) * stride + 4, pads[along] + in_size[along])
    row = -(-needed // 2) * 2
    bands = 1
    while 2 * 2 * row * _band_height(-(-out_size[across] // bands), stride) > _SCRATCH_BYTES and not transposed:
        if bands >= out_size[across]:
            break
        bands += 1
    plane = _Plane(
        transposed=transposed, stride=stride,
        in_length=in_size[along], in_rows=in_size[across],
        out_length=out_size[along], out_rows=out_size[across],
        pad=pads[along], pad_rows=pads[across],
        in_step=in_steps[along], in_row_step=in_steps[across],
        out_step=out_steps[along], out_row_step=out_steps[across],
        row=row, band_rows=-(-out_size[across] // bands),
    )  # fmt: skip
    fits = (
        2 * row <= _MOST_ROW_BYTES[stride]
        and plane.out_step <= 2047
        and max(plane.in_row_step, plane.out_row_step, plane.in_step) <= 0xFFFF
        and plane.plane_bytes <= (_SCRATCH_BYTES if transposed else 0xFFFF)
    )
    return plane if fits else None


def _band_height(out_rows: int, stride: int) -> int:
    return (out_rows - 1) * stride + 3


@dataclass(frozen=True, eq=False)
class _Values:
    """The channels' constants.

    Attributes:
        constants: (channels, 2), in the exact way (channels, 3).
        nudge: (channels,) to be added to the bias.
        shift: of the two-instruction way, None for the exact one.
    """

    channels: Requantized
    constants: Int64s
    nudge: Int64s
    shift: int | None

    def words(self, layer: Depthwise, plane: _Plane) -> Words:
        """(channels, 6 or 7)"""
        by_row = np.swapaxes(layer.taps, 1, 2) if plane.transposed else layer.taps
        packed = (by_row[:, :, [0, 1, 1, 2]] & 0xFF) @ (np.int64(1) << np.arange(0, 32, 8))
        bias = layer.folded_bias + self.nudge
        return as_words(np.concatenate([packed, bias[:, None], self.constants], axis=1))


def _in_two(channels: Requantized, shifts: Sequence[int]) -> _Values | None:
    two = channels.constants(shifts)
    return None if two is None else _Values(channels, two.constants, two.nudge, two.shift)


def _exact(channels: Requantized) -> _Values | None:
    constants = exact_constants(channels.scaling)
    return None if constants is None else _Values(channels, constants, np.zeros(len(constants), np.int64), None)


@cache
def _rows(plane: _Plane, shift: int | None, limits: tuple[int, int], optimize: Optimize) -> tuple[str, Shared]:
    """The name and text of the function for a channel's rows; `shift` as in `_Values`, `limits` for the exact way."""
    two = shift is not None
    shape = f"{plane.stride}, {2 * plane.row}, {plane.out_step}, {plane.out_row_step}"
    ends = f"{shift}" if two else f"{limits[0]}, {limits[1]}"
    macro = "EP_DEPTHWISE_TWO" if two else "EP_DEPTHWISE_EXACT"
    name = f"{macro.lower()}_{shape}_{plane.out_length}_{ends}".replace(", ", "_").replace("-", "m")
    pairs, is_odd = plane.out_length // 2, plane.out_length % 2 == 1

    def code_bytes(rolled: Unroll) -> int:
        steps = plane.out_step, plane.out_row_step
        return depthwise_bytes(rolled, plane.stride, is_odd, *steps, None if two else limits)

    def function(rolled: Unroll) -> Shared:
        geometry = f"{shape}, {rolled.head}, {rolled.loops}, {rolled.chunk}, {int(is_odd)}"
        text = f"{macro}({name}, {geometry}, {ends})\n"
        return Shared(text, code_bytes(rolled), f"{macro} {geometry}" if two else "", within)

    def within(most_bytes: int) -> Shared:
        return function(unroll_within(pairs, optimize, code_bytes, most_bytes) if pairs else Unroll(0, 0, 0))

    return name, function(unroll(pairs, optimize) if pairs else Unroll(0, 0, 0))


def _call(layer: Depthwise, plane: _Plane, values: _Values | None, optimize: Optimize) -> KernelCall:
    window = layer.window
    limits = activation_range(layer.op.activation, layer.output) if layer.output.qparams else (-128, 127)
    counted_on = USUAL_SHIFT if counts_on_two(layer.op, layer.output) else None
    shift = counted_on if values is None else values.shift
    words = 7 if shift is None else 6
    name, rows = _rows(plane, shift, limits, optimize)

    def by(other: int) -> KernelCall | None:
        made = None if values is None else _in_two(values.channels, (other,))
        return None if made is None else _call(layer, plane, made, optimize)

    def others() -> Others:
        return {(_rows(plane, one, limits, optimize)[1],): partial(by, one) for one in SHIFTS}

    def definitions(s: Symbols) -> str:
        fields = {
            "rows": name, "channels": s.constant("channels"), "channel_words": words, "in_c": window.in_c,
            "plane_row": plane.row, "plane_bytes": plane.plane_bytes, "band_rows": plane.band_rows,
            "in_length": plane.in_length, "in_rows": plane.in_rows,
            "in_step": plane.in_step, "in_row_step": plane.in_row_step,
            "out_rows": plane.out_rows, "out_row_step": plane.out_row_step,
            "stride": plane.stride, "pad_before": plane.pad, "pad_rows_before": plane.pad_rows,
            "in_zero": scale_zero(layer.image)[1],
        }  # fmt: skip
        return params(s, "ep_depthwise_dsp_t", fields)

    return KernelCall(
        function="ep_depthwise_dsp",
        emit=lambda s: image_calls(s, "ep_depthwise_dsp", layer.image, layer.output, s.scratch()),
        sources=("dsp/depthwise3x3.c",),
        headers=("dsp/depthwise3x3.h",),
        constants=(
            Constant(
                "channels", "uint32_t", window.in_c * words, 4,
                values=None if values is None else (lambda: values.words(layer, plane).reshape(-1)),
                table_bytes=window.in_c * (words - 4) * 4,
            ),
        ),
        scratch_bytes=plane.plane_bytes * min(2, window.in_c),
        overlaps=(Overlap(0, "same", 0),) if window.batches == 1 and _in_place(layer, plane) else (),
        work=Work(
            macs=layer.macs, outputs=window.batches * window.out_len,
            features={
                "loaded": window.batches * window.in_len,
                "plane_rows": window.batches * window.in_c * plane.in_rows,
                "out_rows": window.batches * window.in_c * plane.out_rows,
                "odd_rows": window.batches * window.in_c * plane.out_rows * (plane.out_length % 2),
            },
        ),
        definitions=definitions,
        shared=(rows,),
        others=others if values is not None and shift is not None else None,
    )  # fmt: skip


def _in_place(layer: Depthwise, plane: _Plane) -> bool:
    """Output pixel i of a channel lies where input pixel i of the channel was: it must have been read by then."""
    window = layer.window
    if plane.band_rows == plane.out_rows:
        return window.out_h * window.out_w <= window.in_h * window.in_w
    first_rows = np.arange(plane.band_rows, plane.out_rows, plane.band_rows)  # of the bands but the first
    loaded = (first_rows - 1) * plane.stride - plane.pad_rows + 3
    left = loaded < plane.in_rows
    return bool((first_rows * window.out_w <= np.maximum(loaded, 0) * window.in_w)[left].all())
