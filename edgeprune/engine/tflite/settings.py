"""Per operator kind: its attributes as TFLite states them, in an options table and in constant input tensors.

The inverse of `attributes.py`: what that reads, this writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from edgeprune.engine.tflite import move_settings
from edgeprune.engine.tflite.padding import padding_mode
from edgeprune.engine.tflite.stated import Settings, all_inputs, int32s
from edgeprune.engine.tflite.tensors import TYPES
from edgeprune.engine.tflite.versions import has_narrow_bias
from edgeprune.errors import ModelError
from edgeprune.ir import (
    Activation,
    ArithmeticAttrs,
    AxisAttrs,
    BatchMatmulAttrs,
    ConcatenationAttrs,
    Conv2dAttrs,
    CumsumAttrs,
    DType,
    GeluAttrs,
    Graph,
    LeakyReluAttrs,
    LstmAttrs,
    Op,
    OpKind,
    PoolAttrs,
    ReduceAttrs,
    SoftmaxAttrs,
    SvdfAttrs,
    TransposeConvAttrs,
    attrs_of,
)

_ACTIVATIONS = {Activation.NONE: 0, Activation.RELU: 1, Activation.RELU_N1_TO_1: 2, Activation.RELU6: 3}
_INT32 = 2  # of the schema's element types
_TANH = 4  # the activation of every LSTM


def settings_of(graph: Graph, op: Op) -> Settings:
    """Raises ModelError for kinds and paddings that no TFLite file can state."""
    writer = _WRITERS.get(op.kind)
    if writer is None:
        raise ModelError(f"{op.kind} {op.name!r} has no form in a .tflite file")
    return writer(graph, op)


def _required_mode(graph: Graph, op: Op) -> int:
    mode = padding_mode(graph, op)
    if mode is None:
        raise ModelError(f"{op.kind} {op.name!r}: its padding is neither SAME nor VALID; make it an operator first")
    return mode


def _conv(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, Conv2dAttrs)
    fields = {
        "padding": _required_mode(graph, op),
        "strideH": attrs.stride[0], "strideW": attrs.stride[1],
        "dilationHFactor": attrs.dilation[0], "dilationWFactor": attrs.dilation[1],
        "fusedActivationFunction": _ACTIVATIONS[attrs.activation],
    }  # fmt: skip
    if op.kind is OpKind.CONV_2D:
        return Settings("Conv2DOptions", fields | _bias_type(graph, op), all_inputs(op))
    channels = graph.tensors[op.inputs[0]].shape[3]
    multiplier = graph.tensors[op.inputs[1]].shape[3] // channels
    return Settings("DepthwiseConv2DOptions", {**fields, "depthMultiplier": multiplier}, all_inputs(op))


def _transpose_conv(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, TransposeConvAttrs)
    fields = {
        "padding": _required_mode(graph, op),
        "strideH": attrs.stride[0], "strideW": attrs.stride[1],
        "fusedActivationFunction": _ACTIVATIONS[attrs.activation],
    }  # fmt: skip
    made = fields | _bias_type(graph, op)
    return Settings("TransposeConvOptions", made, (int32s(*graph.output_of(op).shape), 1, 0, *all_inputs(op)[2:]))


def _pool(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, PoolAttrs)
    fields = {
        "padding": _required_mode(graph, op),
        "strideH": attrs.stride[0], "strideW": attrs.stride[1],
        "filterHeight": attrs.filter[0], "filterWidth": attrs.filter[1],
        "fusedActivationFunction": _ACTIVATIONS[attrs.activation],
    }  # fmt: skip
    return Settings("Pool2DOptions", fields, all_inputs(op))


def _dense(graph: Graph, op: Op) -> Settings:
    keeps = len(graph.output_of(op).shape) != 2 or len(graph.tensors[op.inputs[0]].shape) != 2
    fields = {"fusedActivationFunction": _ACTIVATIONS[op.activation], "keepNumDims": keeps}
    return Settings("FullyConnectedOptions", fields | _bias_type(graph, op), all_inputs(op))


def _bias_type(graph: Graph, op: Op) -> dict[str, object]:
    return {"quantizedBiasType": _INT32} if has_narrow_bias(graph, op) else {}


def _fused(options: str) -> Callable[[Graph, Op], Settings]:
    return lambda graph, op: Settings(options, {"fusedActivationFunction": _ACTIVATIONS[op.activation]}, all_inputs(op))


def _sum(options: str) -> Callable[[Graph, Op], Settings]:
    def settings(graph: Graph, op: Op) -> Settings:
        fields: dict[str, object] = {"fusedActivationFunction": _ACTIVATIONS[op.activation]}
        if graph.output_of(op).dtype is DType.INT16:
            fields["potScaleInt16"] = attrs_of(op, ArithmeticAttrs).by_shifts
        return Settings(options, fields, all_inputs(op))

    return settings


def _plain(options: str = "") -> Callable[[Graph, Op], Settings]:
    return lambda graph, op: Settings(options, {}, all_inputs(op))


def _reduce(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, ReduceAttrs)
    return Settings("ReducerOptions", {"keepDims": attrs.keep_dims}, (0, int32s(*attrs.axes)))


def _concatenation(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, ConcatenationAttrs)
    fields = {"axis": attrs.axis, "fusedActivationFunction": _ACTIVATIONS[attrs.activation]}
    return Settings("ConcatenationOptions", fields, all_inputs(op))


def _arg_max(graph: Graph, op: Op) -> Settings:
    types = {"int32": 2, "int64": 4}
    fields = {"outputType": types[str(graph.output_of(op).dtype)]}
    return Settings(
        "ArgMaxOptions" if op.kind is OpKind.ARG_MAX else "ArgMinOptions",
        fields,
        (0, int32s(attrs_of(op, AxisAttrs).axis)),
    )


def _cumsum(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, CumsumAttrs)
    fields = {"exclusive": attrs.exclusive, "reverse": attrs.reverse}
    return Settings("CumsumOptions", fields, (0, np.array(attrs.axis, np.int32)))


def _one_hot(graph: Graph, op: Op) -> Settings:
    axis = attrs_of(op, AxisAttrs).axis
    depth = np.array(graph.output_of(op).shape[axis], np.int32)
    return Settings("OneHotOptions", {"axis": axis}, (0, depth, 1, 2))


def _top_k(graph: Graph, op: Op) -> Settings:
    return Settings("TopKV2Options", {}, (0, np.array(graph.output_of(op).shape[-1], np.int32)))


def _softmax(graph: Graph, op: Op) -> Settings:
    return Settings("SoftmaxOptions", {"beta": attrs_of(op, SoftmaxAttrs).beta}, all_inputs(op))


def _leaky_relu(graph: Graph, op: Op) -> Settings:
    return Settings("LeakyReluOptions", {"alpha": attrs_of(op, LeakyReluAttrs).alpha}, all_inputs(op))


def _gelu(graph: Graph, op: Op) -> Settings:
    return Settings("GeluOptions", {"approximate": attrs_of(op, GeluAttrs).approximate}, all_inputs(op))


def _batch_matmul(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, BatchMatmulAttrs)
    return Settings("BatchMatMulOptions", {"adjX": attrs.adj_x, "adjY": attrs.adj_y}, all_inputs(op))


def _cast(graph: Graph, op: Op) -> Settings:
    types = {dtype: number for number, dtype in TYPES.items()}
    fields = {"inDataType": types[graph.tensors[op.inputs[0]].dtype], "outDataType": types[graph.output_of(op).dtype]}
    return Settings("CastOptions", fields, all_inputs(op))


def _lstm(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, LstmAttrs)
    fields = {
        "fusedActivationFunction": _TANH, "cellClip": attrs.cell_clip, "projClip": attrs.projection_clip,
        "timeMajor": attrs.time_major,
    }  # fmt: skip
    return Settings("UnidirectionalSequenceLSTMOptions", fields, all_inputs(op), attrs.intermediates)


def _svdf(graph: Graph, op: Op) -> Settings:
    attrs = attrs_of(op, SvdfAttrs)
    fields = {"rank": attrs.rank, "fusedActivationFunction": _ACTIVATIONS[attrs.activation]}
    return Settings("SVDFOptions", fields, all_inputs(op))


_WRITERS: Mapping[OpKind, Callable[[Graph, Op], Settings]] = {
    OpKind.CONV_2D: _conv,
    OpKind.DEPTHWISE_CONV_2D: _conv,
    OpKind.TRANSPOSE_CONV: _transpose_conv,
    OpKind.FULLY_CONNECTED: _dense,
    OpKind.ADD: _sum("AddOptions"),
    OpKind.SUB: _sum("SubOptions"),
    OpKind.MUL: _fused("MulOptions"),
    OpKind.MAXIMUM: _plain("MaximumMinimumOptions"),
    OpKind.MINIMUM: _plain("MaximumMinimumOptions"),
    OpKind.SQUARED_DIFFERENCE: _plain("SquaredDifferenceOptions"),
    OpKind.FLOOR_DIV: _plain("FloorDivOptions"),
    OpKind.FLOOR_MOD: _plain("FloorModOptions"),
    OpKind.BITWISE_XOR: _plain("BitwiseXorOptions"),
    OpKind.RIGHT_SHIFT: _plain("RightShiftOptions"),
    OpKind.L2_POOL_2D: _pool,
    OpKind.AVERAGE_POOL_2D: _pool,
    OpKind.MAX_POOL_2D: _pool,
    OpKind.MEAN: _reduce,
    OpKind.SUM: _reduce,
    OpKind.REDUCE_MAX: _reduce,
    OpKind.REDUCE_MIN: _reduce,
    OpKind.REDUCE_PROD: _reduce,
    OpKind.CUMSUM: _cumsum,
    OpKind.L2_NORMALIZATION: _plain("L2NormOptions"),
    OpKind.SOFTMAX: _softmax,
    OpKind.LOG_SOFTMAX: _plain("LogSoftmaxOptions"),
    OpKind.LOGISTIC: _plain(),
    OpKind.TANH: _plain(),
    OpKind.RELU: _plain(),
    OpKind.RELU6: _plain(),
    OpKind.RELU_N1_TO_1: _plain(),
    OpKind.RELU_0_TO_1: _plain(),
    OpKind.LEAKY_RELU: _leaky_relu,
    OpKind.PRELU: _plain(),
    OpKind.HARD_SWISH: _plain("HardSwishOptions"),
    OpKind.ELU: _plain(),
    OpKind.GELU: _gelu,
    OpKind.PAD: move_settings.pad,
    OpKind.PADV2: move_settings.pad_value,
    OpKind.MIRROR_PAD: move_settings.mirror_pad,
    OpKind.RESHAPE: move_settings.reshape,
    OpKind.SQUEEZE: move_settings.squeeze,
    OpKind.EXPAND_DIMS: move_settings.expand_dims,
    OpKind.TRANSPOSE: move_settings.transpose,
    OpKind.CONCATENATION: _concatenation,
    OpKind.SPLIT: move_settings.split,
    OpKind.SPLIT_V: move_settings.split_v,
    OpKind.PACK: move_settings.pack,
    OpKind.UNPACK: move_settings.unpack,
    OpKind.SLICE: move_settings.slice_,
    OpKind.STRIDED_SLICE: move_settings.strided_slice,
    OpKind.GATHER: move_settings.gather,
    OpKind.GATHER_ND: _plain("GatherNdOptions"),
    OpKind.SCATTER_ND: move_settings.scatter_nd,
    OpKind.RESIZE_NEAREST_NEIGHBOR: move_settings.resize("ResizeNearestNeighborOptions"),
    OpKind.RESIZE_BILINEAR: move_settings.resize("ResizeBilinearOptions"),
    OpKind.DYNAMIC_UPDATE_SLICE: _plain("DynamicUpdateSliceOptions"),
    OpKind.ONE_HOT: _one_hot,
    OpKind.SPACE_TO_DEPTH: move_settings.block("SpaceToDepthOptions"),
    OpKind.DEPTH_TO_SPACE: move_settings.block("DepthToSpaceOptions"),
    OpKind.SPACE_TO_BATCH_ND: move_settings.space_batch("SpaceToBatchNDOptions"),
    OpKind.BATCH_TO_SPACE_ND: move_settings.space_batch("BatchToSpaceNDOptions"),
    OpKind.TILE: move_settings.tile,
    OpKind.BROADCAST_TO: move_settings.broadcast_to,
    OpKind.QUANTIZE: _plain("QuantizeOptions"),
    OpKind.DEQUANTIZE: _plain("DequantizeOptions"),
    OpKind.ABS: _plain("AbsOptions"),
    OpKind.SQUARE: _plain("SquareOptions"),
    OpKind.NEG: _plain("NegOptions"),
    OpKind.SQRT: _plain(),
    OpKind.RSQRT: _plain(),
    OpKind.EXP: _plain("ExpOptions"),
    OpKind.LOG: _plain(),
    OpKind.SIN: _plain(),
    OpKind.COS: _plain("CosOptions"),
    OpKind.SIGN: _plain("SignOptions"),
    OpKind.FLOOR: _plain(),
    OpKind.CEIL: _plain(),
    OpKind.ROUND: _plain(),
    OpKind.POW: _plain("PowOptions"),
    OpKind.DIV: _fused("DivOptions"),
    OpKind.GREATER: _plain("GreaterOptions"),
    OpKind.GREATER_EQUAL: _plain("GreaterEqualOptions"),
    OpKind.EQUAL: _plain("EqualOptions"),
    OpKind.NOT_EQUAL: _plain("NotEqualOptions"),
    OpKind.LOGICAL_AND: _plain("LogicalAndOptions"),
    OpKind.LOGICAL_OR: _plain("LogicalOrOptions"),
    OpKind.LOGICAL_NOT: _plain("LogicalNotOptions"),
    OpKind.SELECT_V2: _plain("SelectV2Options"),
    OpKind.CAST: _cast,
    OpKind.BATCH_MATMUL: _batch_matmul,
    OpKind.ARG_MAX: _arg_max,
    OpKind.ARG_MIN: _arg_max,
    OpKind.TOPK_V2: _top_k,
    OpKind.UNIDIRECTIONAL_SEQUENCE_LSTM: _lstm,
    OpKind.SVDF: _svdf,
}
