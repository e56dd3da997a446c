"""CONV_2D over int16 activations (`firmware/include/dsp/conv2d_int16.h`), and what other layers share with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, KernelCall, Symbols, Work
from edgeprune.engine.kernels.geometry import Window, window_overlaps
from edgeprune.engine.kernels.linear.conv2d import Conv2d, read_conv2d
from edgeprune.engine.kernels.linear.sums16 import factors, is_wide, sums_constants, sums_fields
from edgeprune.engine.kernels.operands import image_calls, params
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.engine.kernels.scaling import Int64s
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op, Tensor

_PIXELS = 3
_LARGEST = 32768  # of an input, in magnitude
INT32 = (1 << 31) - 1
_CLAMPS = ((-32768, 32767), (0, 32767))
CONV_SOURCES = ("dsp/conv2d_int16.c", "dsp/tiles16.c")


@dataclass(frozen=True, eq=False)
class Tiles:
    """Filters that one call of `ep_conv2d_int16_dsp` multiplies windows with.

    Attributes:
        op, image, weights, bias, output: of the layer.
        rows: (out_c, taps) of these filters; None where the graph holds no data.
        role: of their constant.
    """

    op: Op
    image: Tensor
    weights: Tensor
    bias: Tensor | None
    output: Tensor
    rows: Int64s | None
    out_c: int
    taps: int
    role: str = "weights"

    @property
    def pairs(self) -> int:
        return -(-self.taps // 2)

    @property
    def scratch_bytes(self) -> int:
        """Columns of three pixels, and what comes out of them."""
        return _PIXELS * (4 * self.pairs + 2 * max(self.out_c, 2))

    @cached_property
    def factors(self) -> tuple[Int64s, Int64s] | None:
        """(bias, factor) where sums are short."""
        if self.rows is None or activation_range(self.op.activation, self.output) not in _CLAMPS:
            return None
        return one_product_factors(self.rows, self.image, self.weights, self.bias, self.output)

    @property
    def is_short(self) -> bool:
        return self.rows is None or self.factors is not None

    @property
    def constant(self) -> Constant:
        return self._stream() if self.is_short else row_words(self.role, self.rows, 2, self.out_c, self.taps)

    @property
    def scaling(self) -> tuple[Constant, ...]:
        """What long sums read beside; the same for all tiles of a layer."""
        if self.is_short:
            return ()
        return sums_constants(self.image, self.weights, self.bias, self.output, self.out_c)

    def fields(self, s: Symbols, out_pixel: int, out_row: int) -> dict[str, object]:
        """Of `ep_tiles16_t`; elements from one pixel of the output to the next, and from row to row."""
        low, high = activation_range(self.op.activation, self.output)
        sums: dict[str, object] = {"out_min": low, "out_max": high}
        if not self.is_short:
            sums = sums_fields(s, self.op, self.weights, self.bias, self.output)
        text = ", ".join(f".{name} = {value}" for name, value in sums.items())
        return {
            "weights": s.constant(self.role), "sums": f"{{ {text} }}", "pairs": self.pairs,
            "is_short": int(self.is_short), "out_pixel": out_pixel, "out_row": out_row,
        }  # fmt: skip

    def _stream(self) -> Constant:
        """Of `ep_short16`: for each two channels biases, words, factors; an odd number ends with the last two."""
        made = max(self.out_c, 2)
        first = np.array([*range(0, made - 1, 2), *([made - 2] if made % 2 else [])])
        channels = np.stack([first, first + 1], axis=1)

        def values() -> np.ndarray:
            assert self.rows is not None and self.factors is not None
            beside = (0, made - self.out_c)  # a single channel has one of zeros beside it
            bias, factor = (np.pad(part, beside)[channels].astype(np.int32).view(np.uint32) for part in self.factors)
            rows = np.pad(self.rows, (beside, (0, 0)))[channels]
            return np.concatenate([bias, _two_rows(rows), factor], axis=1).reshape(-1)

        words = len(first) * (self.pairs + 4)
        return Constant(
            self.role, "uint32_t", words, 4, values=None if self.rows is None else values,
            table_bytes=4 * words - self.out_c * self.taps,
        )  # fmt: skip


def geometry(s: Symbols, window: Window) -> str:
    """C text of a convolution's `ep_conv2d_t`."""
    fields = window.fields() | {
        "in_c": window.in_c, "out_c": window.out_c, "kernel_h": window.kernel_h, "kernel_w": window.kernel_w,
        "dilation_h": window.dilation_h, "dilation_w": window.dilation_w,
    }  # fmt: skip
    return params(s, "ep_conv2d_t", fields)


def conv2d(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    """Convolutions of one group."""
    conv = read_conv2d(graph, op)
    window = conv.window
    if conv.groups > 1:
        return None
    rows = None if conv.weights.data is None else conv.rows
    taps = window.kernel_h * window.kernel_w * conv.group_in_c
    tiles = Tiles(op, conv.image, conv.weights, conv.bias, conv.output, rows, window.out_c, taps)

    def definitions(s: Symbols) -> str:
        own = tiles.fields(s, window.out_c, window.out_w * window.out_c)
        return geometry(s, window) + params(s, "ep_tiles16_t", own, "tiles")

    def emit(s: Symbols) -> str:
        rest = (f"&{s.layer}_tiles", s.scratch())
        return image_calls(s, "ep_conv2d_int16_dsp", conv.image, conv.output, *rest)

    return KernelCall(
        function="ep_conv2d_int16_dsp",
        emit=emit,
        sources=CONV_SOURCES,
        headers=("dsp/conv2d_int16.h",),
        constants=(tiles.constant, *tiles.scaling),
        scratch_bytes=tiles.scratch_bytes,
        overlaps=window_overlaps(window, channels_in_step=False, element_bytes=2),
        work=_work(conv, tiles),
        definitions=definitions,
    )


def _work(conv: Conv2d, tiles: Tiles) -> Work:
    """Three pixels and two channels at a time; what is left over is made, and thrown away."""
    window = conv.window
    outputs = window.batches * window.out_len
    pixels, channels = -(-window.out_h * window.out_w // _PIXELS) * _PIXELS, -(-window.out_c // 2) * 2
    features = window_words(window, conv.group_in_c, pixels, channels)
    if not tiles.is_short:
        features |= {"wide_outputs": outputs, "wide_macs": features["row_macs"]}
    return Work(macs=conv.macs, outputs=outputs, features=features)


def window_words(window: Window, in_c: int, pixels: int, channels: int) -> dict[str, int]:
    """For the latency model: windows that are copied together for so many pixels, and multiplied by so many rows."""
    words = -(-window.kernel_h * window.kernel_w * in_c // 2)
    pixels *= window.batches
    return {
        "windows": pixels, "window_rows": pixels * window.kernel_h, "window_words": pixels * words,
        "rows": pixels * channels, "row_macs": 2 * pixels * channels * words,
    }  # fmt: skip


def _two_rows(rows: Int64s) -> np.ndarray:
    """(groups, 2, taps) -> (groups, pairs) words: two inputs of two rows each."""
    groups, _, taps = rows.shape
    filled = np.pad(rows, ((0, 0), (0, 0), (0, taps % 2))).astype(np.int8)
    by_two = filled.reshape(groups, 2, -1, 2).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(by_two).reshape(groups, -1).view(np.uint32)


def row_words(role: str, rows: Int64s | None, together: int, count: int, taps: int) -> Constant:
    """`count` rows so many at a time, each word two inputs of two rows."""
    groups, pairs = -(-count // together), -(-taps // 2)

    def values() -> np.ndarray:
        assert rows is not None
        filled = np.pad(rows, ((0, groups * together - count), (0, 0)))
        twos = _two_rows(filled.reshape(-1, 2, taps)).reshape(groups, together // 2, pairs)
        return np.ascontiguousarray(twos.swapaxes(1, 2)).reshape(-1)

    words = groups * pairs * together // 2
    return Constant(
        role, "uint32_t", words, 4, values=None if rows is None else values, table_bytes=4 * words - count * taps
    )


def biases(bias: Tensor | None, count: int) -> Int64s:
    return np.zeros(count, np.int64) if bias is None or bias.data is None else bias.data.reshape(-1).astype(np.int64)


def largest_sums(rows: Int64s, bias: Int64s) -> Int64s:
    """(outputs,) the largest magnitude of a sum."""
    return np.asarray(np.abs(rows).sum(axis=1) * _LARGEST + np.abs(bias), np.int64)


def one_product_factors(
    rows: Int64s, image: Tensor, weights: Tensor, bias: Tensor | None, output: Tensor
) -> tuple[Int64s, Int64s] | None:
    """(bias, factor) of each channel, whose sum times factor is rounded at 2^32; None where sums may leave int32, or a
    shift 16..32.

    Args:
        rows: (out_c, taps) weights.
    """
    own = biases(bias, len(rows))
    if not is_wide(bias) or int(largest_sums(rows, own).max()) > INT32:
        return None
    pairs = factors(image, weights, bias, output)
    if any(not 16 <= shift <= 32 for _, shift in pairs):
        return None
    factor = np.array([multiplier << (32 - shift) for multiplier, shift in pairs], np.int64)
    return own, np.broadcast_to(factor, own.shape)
