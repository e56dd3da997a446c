"""TRANSPOSE_CONV."""

from __future__ import annotations

from edgeprune.ir import DType, Graph, Op
from edgeprune.kernels.base import KernelCall, Optimize, Symbols, Work
from edgeprune.kernels.conv2d import (
    array_fields,
    quantization_fields,
    read_bias,
    require_constant_weights,
    scale_tables,
)  # fmt: skip
from edgeprune.kernels.operands import (
    as_constant,
    input_tensor,
    output_tensor,
    params,
    repeat,
    require,
    require_u16,
    stepped,
)  # fmt: skip
from edgeprune.kernels.requant import check_accumulator
from edgeprune.target.profile import Isa


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    image, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    weights = input_tensor(graph, op, 1, DType.INT8)
    require_constant_weights(graph, op, weights)
    shapes = f"{image.shape} through {weights.shape} into {output.shape}"
    require(graph, op, len(image.shape) == len(weights.shape) == len(output.shape) == 4, shapes)
    (batch, in_h, in_w, in_c), (out_c, kernel_h, kernel_w, _) = image.shape, weights.shape
    _, out_h, out_w, _ = output.shape
    require(graph, op, weights.shape[3] == in_c and output.shape == (batch, out_h, out_w, out_c), shapes)
    (stride_h, stride_w), (top, bottom, left, right) = op.attrs["stride"], op.attrs["pad"]
    require(graph, op, min(stride_h, stride_w) > 0 and min(top, left) >= 0, f"stride {op.attrs['stride']}")
    require(graph, op, -bottom < stride_h and -right < stride_w, f"{shapes}, farther than its input reaches")
    require_u16(graph, op, *image.shape, *weights.shape, *output.shape, stride_h, stride_w, top, left)
    bias = read_bias(graph, op, out_c)

    def definitions(s: Symbols) -> str:
        if weights.data is not None:
            check_accumulator(op.name, weights.data.reshape(out_c, -1), None if bias is None else bias.data)
        fields = array_fields(s, bias) | {
            "in_h": in_h, "in_w": in_w, "in_c": in_c, "out_h": out_h, "out_w": out_w, "out_c": out_c,
            "kernel_h": kernel_h, "kernel_w": kernel_w, "stride_h": stride_h, "stride_w": stride_w,
            "pad_top": top, "pad_left": left,
        }  # fmt: skip
        return params(s, "ep_transpose_conv_t", fields | quantization_fields(op, image, weights, output))

    def emit(s: Symbols) -> str:
        return repeat(
            batch,
            lambda n: (
                f"ep_transpose_conv_ref(&{s.layer}_params, {stepped(s.input(0), in_h * in_w * in_c, n)}, "
                f"{stepped(s.output(0), out_h * out_w * out_c, n)});"
            ),
        )

    biases = () if bias is None else (as_constant("bias", bias),)
    return KernelCall(
        function="ep_transpose_conv_ref",
        emit=emit,
        sources=("ref/transpose_conv.c",),
        headers=("ep_transpose_conv.h",),
        constants=(as_constant("weights", weights), *biases, *scale_tables(image, weights, output, out_c)),
        work=Work(macs=image.element_count * kernel_h * kernel_w * out_c, outputs=output.element_count),
        definitions=definitions,
    )


CANDIDATES = (_ref,)
