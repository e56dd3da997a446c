"""CONV_2D: convolutions over images, grouped ones included."""

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


@dataclass(frozen=True, eq=False)
class Conv2d(WindowLayer):
    """A convolution; weights (O, kh, kw, group_in_c).

    group_in_c: input channels each filter reads.
    """

    group_in_c: int

    @property
    def filter_c(self) -> int:
        return self.group_in_c

    @property
    def rows(self) -> Int64s:
        assert self.weights.data is not None
        return self.weights.data.reshape(self.window.out_c, -1).astype(np.int64)

    @property
    def groups(self) -> int:
        return self.window.in_c // self.group_in_c

    @property
    def is_plain(self) -> bool:
        """One group, no dilation."""
        return self.groups == self.window.dilation_h == self.window.dilation_w == 1


def read_conv2d(graph: Graph, op: Op) -> Conv2d:
    """Raises UnsupportedOp for types and weights the engine has no kernel for, ModelError for sizes that clash."""
    image, weights, output = read_image_and_weights(graph, op)
    require_constant_weights(graph, op, weights)
    require(graph, op, len(weights.shape) == 4, f"weights of shape {weights.shape}")
    out_c, kernel_h, kernel_w, group_in_c = weights.shape
    window = read_window(graph, op, image, output, (kernel_h, kernel_w))
    require(graph, op, window.out_c == out_c, f"{out_c} filters for {window.out_c} output channels")
    require(
        graph, op, window.in_c % group_in_c == 0 and out_c % (window.in_c // group_in_c) == 0,
        f"{out_c} filters of {group_in_c} channels over an image of {window.in_c}",
    )  # fmt: skip
    return Conv2d(op, window, image, weights, read_bias(graph, op, out_c), output, group_in_c)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    conv = read_conv2d(graph, op)
    window = conv.window
    if conv.image.dtype is DType.INT16:
        return window_call16(conv, conv.group_in_c, window.out_c // conv.groups)
    kernel = PlainKernel(
        function=weight_reader("ep_conv2d", conv.weights),
        source="ref/conv2d.c",
        header="ep_conv2d.h",
        ctype="ep_conv2d_t",
        own_fields={
            "in_c": window.in_c, "out_c": window.out_c,
            "group_in_c": conv.group_in_c, "group_out_c": window.out_c // conv.groups,
        },
        weights=packed_weights(conv.weights),
        channels_in_step=False,
    )  # fmt: skip
    return plain_call(conv, kernel)


TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.CONV_2D: _ref}
