"""DEPTHWISE_CONV_2D, channel multipliers included."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeprune.ir import DType, Graph, Op, Tensor
from edgeprune.kernels.base import KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.conv2d import (
    array_fields,
    quantization_fields,
    read_bias,
    require_constant_weights,
    scale_tables,
)  # fmt: skip
from edgeprune.kernels.geometry import Window, inside_taps, read_window, window_overlaps
from edgeprune.kernels.operands import (
    as_constant,
    input_tensor,
    output_tensor,
    packed_weights,
    params,
    repeat,
    require,
    stepped,
    weight_reader,
)
from edgeprune.kernels.requant import check_accumulator
from edgeprune.target.profile import Isa


@dataclass(frozen=True, eq=False)
class Depthwise:
    """A depthwise convolution, checked: what every implementation starts from.

    Attributes:
        window: sizes; out_c is in_c * multiplier_c.
        image: input (N, H, W, C) int8.
        weights: (1, kh, kw, out_c) int8 or int4.
        bias: (out_c) int32 or None.
        output: (N, H', W', out_c) int8.
    """

    op: Op
    window: Window
    image: Tensor
    weights: Tensor
    bias: Tensor | None
    output: Tensor

    @property
    def multiplier_c(self) -> int:
        return self.window.out_c // self.window.in_c

    @property
    def macs(self) -> int:
        window = self.window
        return window.batches * window.out_len * window.kernel_h * window.kernel_w


def read_depthwise(graph: Graph, op: Op) -> Depthwise:
    """Raises UnsupportedOp for types and weights the engine has no kernel for, ModelError for sizes that clash."""
    image, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    weights = input_tensor(graph, op, 1, DType.INT8, DType.INT4)
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
    window, function = layer.window, weight_reader("ep_depthwise", layer.weights)

    def definitions(s: Symbols) -> str:
        if layer.weights.data is not None:
            rows = np.moveaxis(layer.weights.data, 3, 0).reshape(window.out_c, -1)
            check_accumulator(op.name, rows, None if layer.bias is None else layer.bias.data)
        fields = array_fields(s, layer.bias) | window.fields() | {
            "in_c": window.in_c, "multiplier_c": layer.multiplier_c,
            "kernel_h": window.kernel_h, "kernel_w": window.kernel_w,
            "dilation_h": window.dilation_h, "dilation_w": window.dilation_w,
        }  # fmt: skip
        return params(s, "ep_depthwise_t", fields | quantization_fields(op, layer.image, layer.weights, layer.output))

    def emit(s: Symbols) -> str:
        return repeat(
            window.batches,
            lambda n: (
                f"{function}(&{s.layer}_params, {stepped(s.input(0), window.in_len, n)}, "
                f"{stepped(s.output(0), window.out_len, n)});"
            ),
        )

    biases = () if layer.bias is None else (as_constant("bias", layer.bias),)
    return KernelCall(
        function=function,
        emit=emit,
        sources=("ref/depthwise.c",),
        headers=("ep_depthwise.h",),
        constants=(
            packed_weights(layer.weights), *biases,
            *scale_tables(layer.image, layer.weights, layer.output, window.out_c),
        ),
        overlaps=window_overlaps(window, channels_in_step=True),
        work=Work(
            macs=layer.macs, outputs=window.batches * window.out_len,
            features=inside_taps(window, filters=window.out_c, tap_macs=1),
        ),
        definitions=definitions,
    )  # fmt: skip


CANDIDATES = (_ref,)
