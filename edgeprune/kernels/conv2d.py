"""CONV_2D: convolutions over images, grouped ones included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import DType, Graph, Op, Tensor
from edgeprune.kernels.base import Constant, KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.geometry import Window, inside_taps, read_window, window_overlaps
from edgeprune.kernels.operands import (
    as_constant,
    input_tensor,
    output_tensor,
    packed_weights,
    params,
    place,
    repeat,
    require,
    require_u16,
    stepped,
    table,
    weight_reader,
)  # fmt: skip
from edgeprune.kernels.requant import activation_range, check_accumulator, folded, scale_zero, weight_multipliers
from edgeprune.target.profile import Isa


@dataclass(frozen=True, eq=False)
class Conv2d:
    """A convolution, checked: what every implementation starts from.

    Attributes:
        window: sizes; out_c is the number of filters.
        group_in_c: input channels each filter reads.
        image: input (N, H, W, C) int8.
        weights: (O, kh, kw, group_in_c) int8 or int4.
        bias: (O) int32 or None.
        output: (N, H', W', O) int8.
    """

    op: Op
    window: Window
    group_in_c: int
    image: Tensor
    weights: Tensor
    bias: Tensor | None
    output: Tensor

    @property
    def groups(self) -> int:
        return self.window.in_c // self.group_in_c

    @property
    def macs(self) -> int:
        window = self.window
        return window.batches * window.out_len * window.kernel_h * window.kernel_w * self.group_in_c


def read_conv2d(graph: Graph, op: Op) -> Conv2d:
    """Raises UnsupportedOp for types and weights the engine has no kernel for, ModelError for sizes that clash."""
    image, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    weights = input_tensor(graph, op, 1, DType.INT8, DType.INT4)
    require_constant_weights(graph, op, weights)
    require(graph, op, len(weights.shape) == 4, f"weights of shape {weights.shape}")
    out_c, kernel_h, kernel_w, group_in_c = weights.shape
    window = read_window(graph, op, image, output, (kernel_h, kernel_w))
    require(graph, op, window.out_c == out_c, f"{out_c} filters for {window.out_c} output channels")
    require(
        graph, op, window.in_c % group_in_c == 0 and out_c % (window.in_c // group_in_c) == 0,
        f"{out_c} filters of {group_in_c} channels over an image of {window.in_c}",
    )  # fmt: skip
    return Conv2d(op, window, group_in_c, image, weights, read_bias(graph, op, out_c), output)


def require_constant_weights(graph: Graph, op: Op, weights: Tensor) -> None:
    if not weights.is_constant:
        raise UnsupportedOp(f"{place(graph, op)}: its weights are computed while the model runs")
    if weights.qparams is not None and any(weights.qparams.zero_point):
        raise UnsupportedOp(
            f"{place(graph, op)}: weights with a zero point other than 0", "quantize them symmetrically"
        )
    require(graph, op, weights.qparams is None or weights.qparams.axis in (None, channel_axis(weights, op)), "scales")


def channel_axis(weights: Tensor, op: Op) -> int:
    """The axis of output channels in an op's weights."""
    return 3 if op.kind == "DEPTHWISE_CONV_2D" else 0


def read_bias(graph: Graph, op: Op, out_c: int) -> Tensor | None:
    bias = graph.input_of(op, 2)
    if bias is None:
        return None
    bias = input_tensor(graph, op, 2, DType.INT32)
    require(graph, op, bias.is_constant and bias.element_count == out_c, f"bias of shape {bias.shape}")
    require_u16(graph, op, out_c)
    return bias


def scale_tables(image: Tensor, weights: Tensor, output: Tensor, out_c: int) -> tuple[Constant, Constant]:
    """`multiplier` and `shift`: one entry per weight scale. A predicted graph counts on one per channel."""
    count = len(weights.qparams.scale) if weights.qparams else out_c
    known = weights.data is not None

    def part(index: int) -> Callable[[], np.ndarray] | None:
        return (lambda: folded(weight_multipliers(image, weights, output))[index]) if known else None

    return table("multiplier", "int32_t", count, part(0)), table("shift", "int8_t", count, part(1))


def quantization_fields(op: Op, image: Tensor, weights: Tensor, output: Tensor) -> dict[str, object]:
    """The C fields on scales and zero points that conv, depthwise and dense parameters share."""
    low, high = activation_range(op.attrs["activation"], output)
    per_channel = weights.qparams is not None and len(weights.qparams.scale) > 1
    return {
        "scale_step": int(per_channel), "in_zero": scale_zero(image)[1], "out_zero": scale_zero(output)[1],
        "out_min": low, "out_max": high,
    }  # fmt: skip


def array_fields(s: Symbols, bias: Tensor | None) -> dict[str, object]:
    """The C fields that point to a layer's arrays."""
    return {
        "weights": s.constant("weights"),
        "bias": s.constant("bias") if bias is not None else "NULL",
        "multiplier": s.constant("multiplier"),
        "shift": s.constant("shift"),
    }


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    conv = read_conv2d(graph, op)
    return plain_conv2d(conv, weight_reader("ep_conv2d", conv.weights), packed_weights(conv.weights), "ref/conv2d.c")


def plain_conv2d(conv: Conv2d, function: str, weights: Constant, source: str) -> KernelCall:
    """The call of a function of `ep_conv2d.h` that reads `weights` the way they are stored."""
    op, window = conv.op, conv.window

    def definitions(s: Symbols) -> str:
        if conv.weights.data is not None:
            rows = conv.weights.data.reshape(window.out_c, -1)
            check_accumulator(op.name, rows, None if conv.bias is None else conv.bias.data)
        fields = array_fields(s, conv.bias) | window.fields() | {
            "in_c": window.in_c, "out_c": window.out_c,
            "group_in_c": conv.group_in_c, "group_out_c": window.out_c // conv.groups,
            "kernel_h": window.kernel_h, "kernel_w": window.kernel_w,
            "dilation_h": window.dilation_h, "dilation_w": window.dilation_w,
        }  # fmt: skip
        return params(s, "ep_conv2d_t", fields | quantization_fields(op, conv.image, conv.weights, conv.output))

    def emit(s: Symbols) -> str:
        return repeat(
            window.batches,
            lambda n: (
                f"{function}(&{s.layer}_params, {stepped(s.input(0), window.in_len, n)}, "
                f"{stepped(s.output(0), window.out_len, n)});"
            ),
        )

    biases = () if conv.bias is None else (as_constant("bias", conv.bias),)
    return KernelCall(
        function=function,
        emit=emit,
        sources=(source,),
        headers=("ep_conv2d.h",),
        constants=(
            weights, *biases,
            *scale_tables(conv.image, conv.weights, conv.output, window.out_c),
        ),
        overlaps=window_overlaps(window, channels_in_step=False),
        work=Work(
            macs=conv.macs, outputs=window.batches * window.out_len,
            features=inside_taps(window, filters=window.out_c, tap_macs=conv.group_in_c),
        ),
        definitions=definitions,
    )  # fmt: skip


CANDIDATES = (_ref,)
