"""TRANSPOSE_CONV."""

from __future__ import annotations

from dataclasses import dataclass

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.linear.arrays import (  # fmt: skip
    array_fields,
    quantization_fields,
    read_bias,
    require_constant_weights,
    scale_tables,
)
from edgeprune.engine.kernels.linear.sums16 import sums_constants, sums_text
from edgeprune.engine.kernels.operands import (  # fmt: skip
    activation_type,
    as_constant,
    image_calls,
    input_tensor,
    output_tensor,
    params,
    plain_name,
    require,
    require_u16,
)
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor, TransposeConvAttrs, attrs_of


@dataclass(frozen=True, eq=False)
class TransposeConv:
    """The layer, checked: weights (O, kh, kw, I) int8, bias (O) int32 or None; stride and pad (top, left) by axis."""

    op: Op
    image: Tensor
    weights: Tensor
    bias: Tensor | None
    output: Tensor
    stride: tuple[int, int]
    pad: tuple[int, int]

    @property
    def macs(self) -> int:
        out_c, kernel_h, kernel_w, _ = self.weights.shape
        return self.image.element_count * kernel_h * kernel_w * out_c


def read_transpose_conv(graph: Graph, op: Op) -> TransposeConv:
    """Raises UnsupportedOp for types and weights the engine has no kernel for, ModelError for sizes that clash."""
    dtype = activation_type(graph, op)
    image, output = input_tensor(graph, op, 0, dtype), output_tensor(graph, op, dtype)
    weights = input_tensor(graph, op, 1, DType.INT8)
    require_constant_weights(graph, op, weights)
    shapes = f"{image.shape} through {weights.shape} into {output.shape}"
    require(graph, op, len(image.shape) == len(weights.shape) == len(output.shape) == 4, shapes)
    (batch, _, _, in_c), (out_c, *_), (_, out_h, out_w, _) = image.shape, weights.shape, output.shape
    require(graph, op, weights.shape[3] == in_c and output.shape == (batch, out_h, out_w, out_c), shapes)
    attrs = attrs_of(op, TransposeConvAttrs)
    (stride_h, stride_w), (top, bottom, left, right) = attrs.stride, attrs.pad
    require(graph, op, min(stride_h, stride_w) > 0 and min(top, left) >= 0, f"stride {attrs.stride}")
    require(graph, op, -bottom < stride_h and -right < stride_w, f"{shapes}, farther than its input reaches")
    require_u16(graph, op, *image.shape, *weights.shape, *output.shape, stride_h, stride_w, top, left)
    bias = read_bias(graph, op, out_c)
    return TransposeConv(op, image, weights, bias, output, (stride_h, stride_w), (top, left))


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    layer = read_transpose_conv(graph, op)
    image, weights, bias, output = layer.image, layer.weights, layer.bias, layer.output
    (_, in_h, in_w, in_c), (out_c, kernel_h, kernel_w, _) = image.shape, weights.shape
    _, out_h, out_w, _ = output.shape
    (stride_h, stride_w), (top, left) = layer.stride, layer.pad

    wide = image.dtype is DType.INT16
    function = plain_name("ep_transpose_conv", image.dtype)

    def definitions(s: Symbols) -> str:
        fields = ({"weights": s.constant("weights")} if wide else array_fields(s, bias)) | {
            "in_h": in_h, "in_w": in_w, "in_c": in_c, "out_h": out_h, "out_w": out_w, "out_c": out_c,
            "kernel_h": kernel_h, "kernel_w": kernel_w, "stride_h": stride_h, "stride_w": stride_w,
            "pad_top": top, "pad_left": left,
        }  # fmt: skip
        if wide:
            return params(s, "ep_transpose_conv_t", fields) + sums_text(s, op, weights, bias, output)
        return params(s, "ep_transpose_conv_t", fields | quantization_fields(op, image, weights, output))

    if wide:
        arrays = sums_constants(image, weights, bias, output, out_c)
    else:
        biases = () if bias is None else (as_constant("bias", bias),)
        arrays = (*biases, *scale_tables(image, weights, output, out_c))
    return KernelCall(
        function=function,
        emit=lambda s: image_calls(s, function, image, output, *([f"&{s.layer}_sums"] if wide else [])),
        sources=("ref/transpose_conv_int16.c" if wide else "ref/transpose_conv.c",),
        headers=("ep_transpose_conv.h",),
        constants=(as_constant("weights", weights), *arrays),
        work=Work(macs=layer.macs, outputs=output.element_count),
        definitions=definitions,
    )


TYPES = (DType.INT8, DType.INT16)
KERNELS = {OpKind.TRANSPOSE_CONV: _ref}
