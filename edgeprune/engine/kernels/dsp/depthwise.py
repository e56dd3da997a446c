"""DEPTHWISE_CONV_2D 3x3 (`firmware/include/dsp/depthwise3x3.h`): stride 1 or 2, no dilation, multiplier 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Overlap, Shared, Symbols, Work
from edgeprune.engine.kernels.dsp.code_size import depthwise_bytes
from edgeprune.engine.kernels.dsp.constants import (
    SHIFTS,
    USUAL_SHIFT,
    counts_on_two,
    exact_constants,
    two_instruction_constants,
)
from edgeprune.engine.kernels.dsp.unroll import Unroll, unroll, unroll_within
from edgeprune.engine.kernels.linear.depthwise import Depthwise, read_depthwise
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.engine.kernels.scaling import accumulator_range
from edgeprune.engine.kernels.words import as_words
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
    values = None
    if layer.weights.data is not None:
        is_two = optimize is Optimize.SPEED or counts_on_two(op, layer.output)
        values = _channels(layer, plane, SHIFTS if is_two else ()) or _channels(layer, plane, SHIFTS)
        if values is None:
            return None
    return _call(layer, plane, values, optimize)


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
    """`words` (channels, 6 or 7) uint32; `shift` of the two-instruction way, None for the exact one."""

    words: NDArray[np.uint32]
    shift: int | None


def _channels(layer: Depthwise, plane: _Plane, shifts: Sequence[int]) -> _Values | None:
    taps, bias, scaling = layer.taps, layer.folded_bias, layer.scaling
    low, high = accumulator_range(layer.rows, bias)
    if max(-low.min(), high.max()) >= 1 << 30:
        return None
    two_instruction = two_instruction_constants(scaling, low, high, shifts=shifts)
    constants = exact_constants(scaling) if two_instruction is None else two_instruction.constants
    if constants is None:
        return None
    if two_instruction is not None:
        bias = bias + two_instruction.nudge
    by_row = np.swapaxes(taps, 1, 2) if plane.transposed else taps
    packed = (by_row[:, :, [0, 1, 1, 2]] & 0xFF) @ (np.int64(1) << np.arange(0, 32, 8))
    words = np.concatenate([packed, bias[:, None], constants], axis=1)
    return _Values(as_words(words), None if two_instruction is None else two_instruction.shift)


def _call(layer: Depthwise, plane: _Plane, values: _Values | None, optimize: Optimize) -> KernelCall:
    window = layer.window
    low, high = activation_range(layer.op.activation, layer.output) if layer.output.qparams else (-128, 127)
    two = values.shift is not None if values is not None else counts_on_two(layer.op, layer.output)
    shift = values.shift if values is not None and values.shift is not None else USUAL_SHIFT
    words = 6 if two else 7
    shape = f"{plane.stride}, {2 * plane.row}, {plane.out_step}, {plane.out_row_step}"
    ends = f"{shift}" if two else f"{low}, {high}"
    macro = "EP_DEPTHWISE_TWO" if two else "EP_DEPTHWISE_EXACT"
    name = f"{macro.lower()}_{shape}_{plane.out_length}_{ends}".replace(", ", "_").replace("-", "m")
    pairs, is_odd = plane.out_length // 2, plane.out_length % 2 == 1

    def code_bytes(rolled: Unroll) -> int:
        steps = plane.out_step, plane.out_row_step
        return depthwise_bytes(rolled, plane.stride, is_odd, *steps, None if two else (low, high))

    def function(rolled: Unroll) -> Shared:
        geometry = f"{shape}, {rolled.head}, {rolled.loops}, {rolled.chunk}, {int(is_odd)}"
        text = f"{macro}({name}, {geometry}, {ends})\n"
        return Shared(text, code_bytes(rolled), f"{macro} {geometry}" if two else "", within)

    def within(most_bytes: int) -> Shared:
        return function(unroll_within(pairs, optimize, code_bytes, most_bytes) if pairs else Unroll(0, 0, 0))

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

    def others() -> tuple[KernelCall, ...]:
        made = [_channels(layer, plane, (other,)) for other in SHIFTS if other != shift]
        two_too = [one for one in made if one is not None and one.shift is not None]
        return tuple(_call(layer, plane, one, optimize) for one in two_too)

    taken = None if values is None else values.words.reshape(-1)
    return KernelCall(
        function="ep_depthwise_dsp",
        emit=lambda s: image_calls(s, "ep_depthwise_dsp", layer.image, layer.output, s.scratch()),
        sources=("dsp/depthwise3x3.c",),
        headers=("dsp/depthwise3x3.h",),
        constants=(
            Constant(
                "channels", "uint32_t", window.in_c * words, 4,
                values=None if taken is None else (lambda: taken),
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
        shared=(function(unroll(pairs, optimize) if pairs else Unroll(0, 0, 0)),),
        others=others if two and values is not None else None,
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
