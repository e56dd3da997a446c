"""What layers with weights share: their constant arrays, checked, and the C fields that state them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.engine.kernels.base import Constant, Symbols
from edgeprune.engine.kernels.operands import (
    activation_type,
    input_tensor,
    output_tensor,
    place,
    require,
    require_u16,
    table,
)
from edgeprune.engine.kernels.requant import activation_range, folded, scale_zero, weight_multipliers
from edgeprune.errors import UnsupportedOp
from edgeprune.ir import DType, Graph, Op, Tensor


def read_image_and_weights(graph: Graph, op: Op) -> tuple[Tensor, Tensor, Tensor]:
    """Input, weights and output; int8 throughout (weights int4 too), or int16 with int8 weights."""
    dtype = activation_type(graph, op)
    image, output = input_tensor(graph, op, 0, dtype), output_tensor(graph, op, dtype)
    weights = input_tensor(graph, op, 1, *((DType.INT8,) if dtype is DType.INT16 else (DType.INT8, DType.INT4)))
    return image, weights, output


def require_constant_weights(graph: Graph, op: Op, weights: Tensor) -> None:
    if not weights.is_constant:
        raise UnsupportedOp(f"{place(graph, op)}: its weights are computed while the model runs")
    if weights.qparams is not None and any(weights.qparams.zero_point):
        raise UnsupportedOp(
            f"{place(graph, op)}: weights with a zero point other than 0", "quantize them symmetrically"
        )
    axes = (None, op.traits.weight_output_axis)
    require(graph, op, weights.qparams is None or weights.qparams.axis in axes, "scales")


def read_bias(graph: Graph, op: Op, out_c: int) -> Tensor | None:
    bias = graph.input_of(op, 2)
    if bias is None:
        return None
    wide = activation_type(graph, op) is DType.INT16
    bias = input_tensor(graph, op, 2, *((DType.INT64, DType.INT32) if wide else (DType.INT32,)))
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
    low, high = activation_range(op.activation, output)
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
