"""DEPTHWISE_CONV_2D of any window (`firmware/include/mve/depthwise_windows.h`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Overlap, Symbols, Work
from edgeprune.engine.kernels.geometry import Window
from edgeprune.engine.kernels.linear.depthwise import Depthwise, read_depthwise
from edgeprune.engine.kernels.mve.stream import provable
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import activation_range, scale_zero
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_ROWS = 4
_GATHER_WORDS = 4
_WORD_ROW_BYTES = 64  # a word of each of 16 channels
_BESIDE = 3
_SCRATCH_BYTES = 6144  # what the interleaved columns may take before outputs come in segments


@dataclass(frozen=True)
class _Words:
    """A window as words of four rows: `groups` a column, in `gathers` of four; `segment` outputs at once.

    Attributes:
        window: of the operator, or with height and width swapped.
        swapped: is it.
    """

    window: Window
    swapped: bool

    @staticmethod
    def of(window: Window) -> _Words:
        """Rows along the side with more outputs, where the other has fewer than are computed at once."""
        if window.out_w >= _GATHER_WORDS or window.out_h <= window.out_w:
            return _Words(window, swapped=False)
        top, bottom, left, right = window.pad
        return _Words(
            replace(
                window, in_h=window.in_w, in_w=window.in_h, out_h=window.out_w, out_w=window.out_h,
                kernel_h=window.kernel_w, kernel_w=window.kernel_h, stride_h=window.stride_w, stride_w=window.stride_h,
                dilation_h=window.dilation_w, dilation_w=window.dilation_h, pad=(left, right, top, bottom),
            ),
            swapped=True,
        )  # fmt: skip

    @property
    def steps(self) -> dict[str, int]:
        """The C fields on bytes between neighbours."""
        window = self.window
        along = {"in_step": window.in_c, "out_step": window.out_c}
        if self.swapped:
            steps = {name: channels * size for (name, channels), size in zip(
                along.items(), (window.in_h, window.out_h), strict=True
            )}  # fmt: skip
            return steps | {"in_row_step": window.in_c, "out_row_step": window.out_c}
        return along | {"in_row_step": window.in_w * window.in_c, "out_row_step": window.out_w * window.out_c}

    @property
    def overlaps(self) -> tuple[Overlap, ...]:
        """An output row may not reach the input rows that it or later ones read."""
        window = self.window
        if window.batches > 1 or (self.swapped and window.in_h * window.out_h > 1):
            return ()
        written = np.arange(1, window.out_h + 1) * window.out_w * window.out_c
        first_read = np.maximum(np.arange(window.out_h) * window.stride_h - window.pad[0], 0)
        lead = int((written - first_read * window.in_w * window.in_c).max())
        return (Overlap(0, "forward", lead),)

    @property
    def groups(self) -> int:
        return -(-self.window.kernel_h // _ROWS)

    @property
    def gathers(self) -> int:
        return -(-self.window.kernel_w * self.groups // _GATHER_WORDS)

    @property
    def record(self) -> int:
        return _BESIDE + _GATHER_WORDS * self.gathers

    @property
    def segment(self) -> int:
        window = self.window
        span = (window.kernel_w - 1) * window.dilation_w + 1
        most = _SCRATCH_BYTES // (self.groups * _WORD_ROW_BYTES)
        return min(window.out_w, max(_GATHER_WORDS, (most - span) // window.stride_w + 1))

    @property
    def columns(self) -> int:
        window = self.window
        return (self.segment - 1) * window.stride_w + (window.kernel_w - 1) * window.dilation_w + 1

    @property
    def scratch_bytes(self) -> int:
        return 16 * self.gathers + self.columns * self.groups * _WORD_ROW_BYTES


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    if isa is not Isa.MVE:
        return None
    layer = read_depthwise(graph, op)
    if layer.few_pixels_step is not None:
        return None  # the DSP extension's kernel is faster
    if layer.weights.data is None:
        return _call(layer, None)
    if not provable(layer.rows, layer.folded_bias, layer.scaling):
        return None
    return _call(layer, _channels(layer))


def _channels(layer: Depthwise) -> NDArray[np.int32]:
    """Words of all channels."""
    words, scaling = _Words.of(layer.window), layer.scaling
    window = words.window
    taps = np.zeros((window.out_c, window.kernel_w, _ROWS * words.groups), np.int8)
    taps[:, :, : window.kernel_h] = layer.taps if words.swapped else np.swapaxes(layer.taps, 1, 2)
    records = np.zeros((window.out_c, words.record), np.int32)
    records[:, :_BESIDE] = np.stack([layer.folded_bias, scaling.multiplier, scaling.shift], axis=1)
    weights = taps.reshape(window.out_c, -1).view(np.int32)
    records[:, _BESIDE : _BESIDE + weights.shape[1]] = weights
    return records.reshape(-1)


def _call(layer: Depthwise, values: NDArray[np.int32] | None) -> KernelCall:
    words = _Words.of(layer.window)
    window = words.window

    def definitions(s: Symbols) -> str:
        low, high = activation_range(layer.op.activation, layer.output)
        fields = {"channels": s.constant("channels"), "in_c": window.in_c, "multiplier_c": layer.multiplier_c}
        return params(s, "ep_depthwise_windows_mve_t", fields | window.fields() | words.steps | {
            "kernel_h": window.kernel_h, "kernel_w": window.kernel_w,
            "dilation_h": window.dilation_h, "dilation_w": window.dilation_w,
            "segment": words.segment, "groups": words.groups, "gathers": words.gathers,
            "in_zero": scale_zero(layer.image)[1], "out_zero": scale_zero(layer.output)[1],
            "out_min": low, "out_max": high,
        })  # fmt: skip

    return KernelCall(
        function="ep_depthwise_windows_mve",
        emit=lambda s: image_calls(s, "ep_depthwise_windows_mve", layer.image, layer.output, s.scratch()),
        sources=("mve/depthwise_windows.c",),
        headers=("mve/depthwise_windows.h",),
        constants=(
            Constant(
                "channels", "int32_t", window.out_c * words.record, 4, table_bytes=8 * window.out_c,
                values=None if values is None else (lambda: values),
            ),
        ),
        scratch_bytes=words.scratch_bytes,
        overlaps=words.overlaps,
        work=_work(layer, words),
        definitions=definitions,
    )  # fmt: skip


def _work(layer: Depthwise, words: _Words) -> Work:
    window = words.window
    rows = window.batches * window.out_h
    counts = [words.segment] * (window.out_w // words.segment)
    counts += [window.out_w % words.segment] * (window.out_w % words.segment > 0)
    span = (window.kernel_w - 1) * window.dilation_w + 1
    blocks, fours = rows * -(-window.in_c // 16), sum(-(-count // _GATHER_WORDS) for count in counts)
    return Work(
        macs=layer.macs,
        outputs=window.batches * window.out_len,
        features={
            "loads": blocks * len(counts) * words.groups,
            "columns": blocks * words.groups * sum((count - 1) * window.stride_w + span for count in counts),
            "channel_rows": rows * len(counts) * window.out_c,
            "fours": rows * fours * window.out_c,
            "gathers": rows * fours * window.out_c * words.gathers,
        },
    )
