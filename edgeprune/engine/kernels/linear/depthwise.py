"""DEPTHWISE_CONV_2D, channel multipliers included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.geometry import read_window
from edgeprune.engine.kernels.linear.arrays import read_bias, read_image_and_weights, require_constant_weights
from edgeprune.engine.kernels.linear.sums16 import window_call16
from edgeprune.engine.kernels.linear.window_layer import PlainKernel, WindowLayer, plain_call
from edgeprune.engine.kernels.operands import packed_weights, require, weight_reader
from edgeprune.engine.kernels.scaling import Int64s
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind

_SIDE_BY_SIDE = 4  # channels
_FEW_PIXELS = 4


@dataclass(frozen=True, eq=False)
class Depthwise(WindowLayer):
    """A depthwise convolution; weights (1, kh, kw, out_c), out_c is in_c * multiplier_c."""

    @property
    def filter_c(self) -> int:
        return 1

    @property
    def taps(self) -> Int64s:
        """(out_c, kh, kw) weights of each filter; where there are values."""
        assert self.weights.data is not None
        return np.asarray(np.moveaxis(self.weights.data[0], 2, 0), np.int64)

    @property
    def rows(self) -> Int64s:
        return self.taps.reshape(self.window.out_c, -1)

    @property
    def multiplier_c(self) -> int:
        return self.window.out_c // self.window.in_c

    @property
    def is_plain_3x3(self) -> bool:
        """A 3x3 kernel for each channel, stride 1 or 2 along both axes, no dilation."""
        window = self.window
        return (
            window.kernel_h == window.kernel_w == 3
            and window.dilation_h == window.dilation_w == self.multiplier_c == 1
            and window.stride_h == window.stride_w <= 2
        )

    @property
    def few_pixels_step(self) -> int | None:
        """Of a layer with so few output pixels that channels are better computed side by side than one by one: bytes
        from a tap to the next. None with more pixels, where taps lie outside or not in a line, or a pixel is too small.
        """
        window = self.window
        if any(window.pad) or window.in_c < _SIDE_BY_SIDE or self.multiplier_c > 1:
            return None
        if window.out_h * window.out_w > _FEW_PIXELS:
            return None
        if window.kernel_w == 1:
            return window.dilation_h * window.in_w * window.in_c
        if window.kernel_h == 1:
            return window.dilation_w * window.in_c
        is_line = window.kernel_w == window.in_w and window.dilation_h == window.dilation_w == 1
        return window.in_c if is_line else None


def read_depthwise(graph: Graph, op: Op) -> Depthwise:
    """Raises UnsupportedOp for types and weights the engine has no kernel for, ModelError for sizes that clash."""
    image, weights, output = read_image_and_weights(graph, op)
    require_constant_weights(graph, op, weights)
    require(graph, op, len(weights.shape) == 4 and weights.shape[0] == 1, f"weights of shape {weights.shape}")
    window = read_window(graph, op, image, output, weights.shape[1:3])
    require(
        graph, op, weights.shape[3] == window.out_c and window.out_c % window.in_c == 0,
        f"weights {weights.shape} for {window.in_c} -> {window.out_c} channels",
    )  # fmt: skip
    return Depthwise(op, window, image, weights, read_bias(graph, op, window.out_c), output)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    layer = read_depthwise(graph, op)
    if layer.image.dtype is DType.INT16:
        return window_call16(layer, 1, layer.multiplier_c)
    kernel = PlainKernel(
        function=weight_reader("ep_depthwise", layer.weights),
        source="ref/depthwise.c",
        header="ep_depthwise.h",
        ctype="ep_depthwise_t",
        own_fields={"in_c": layer.window.in_c, "multiplier_c": layer.multiplier_c},
        weights=packed_weights(layer.weights),
        channels_in_step=True,
    )
    return plain_call(layer, kernel)


TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.DEPTHWISE_CONV_2D: _ref}
