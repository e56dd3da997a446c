"""The version LiteRT asks of each operator: which runtime is the oldest that can run it.

Source: tensorflow/compiler/mlir/lite/tools/versioning/op_version.cc (GetBuiltinOperatorVersion). LiteRT's reference
kernels are registered for one version less of int4 DEPTHWISE_CONV_2D (6) and of int8 DEPTH_TO_SPACE (1), which they
run all the same: those are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgeprune.ir import Activation, Conv2dAttrs, DType, Graph, Op, OpKind, ResizeAttrs, Tensor

_FLOAT, _INT8, _INT16 = 0, 1, 2
_BY_TYPE: Mapping[OpKind, tuple[int, int, int]] = {
    OpKind.CONV_2D: (1, 3, 4),
    OpKind.DEPTHWISE_CONV_2D: (1, 3, 5),
    OpKind.TRANSPOSE_CONV: (1, 2, 4),
    OpKind.FULLY_CONNECTED: (1, 4, 7),
    OpKind.ADD: (1, 2, 3),
    OpKind.SUB: (1, 2, 5),
    OpKind.MUL: (1, 2, 4),
    OpKind.MAXIMUM: (1, 2, 4),
    OpKind.MINIMUM: (1, 2, 4),
    OpKind.SQUARED_DIFFERENCE: (1, 2, 2),
    OpKind.AVERAGE_POOL_2D: (1, 2, 3),
    OpKind.MAX_POOL_2D: (1, 2, 3),
    OpKind.MEAN: (1, 2, 3),
    OpKind.SUM: (1, 2, 3),
    OpKind.REDUCE_MAX: (1, 2, 3),
    OpKind.REDUCE_MIN: (1, 2, 3),
    OpKind.REDUCE_PROD: (1, 2, 2),
    OpKind.L2_NORMALIZATION: (1, 2, 2),
    OpKind.LOG_SOFTMAX: (1, 2, 2),
    OpKind.SOFTMAX: (1, 2, 3),
    OpKind.LOGISTIC: (1, 2, 3),
    OpKind.TANH: (1, 2, 3),
    OpKind.RELU: (1, 2, 3),
    OpKind.RELU6: (1, 2, 3),
    OpKind.LEAKY_RELU: (1, 1, 2),
    OpKind.GELU: (1, 2, 2),
    OpKind.PAD: (1, 2, 3),
    OpKind.PADV2: (1, 2, 3),
    OpKind.MIRROR_PAD: (1, 2, 3),
    OpKind.TRANSPOSE: (1, 2, 5),
    OpKind.CONCATENATION: (1, 2, 3),
    OpKind.SPLIT: (1, 2, 4),
    OpKind.SPLIT_V: (1, 2, 2),
    OpKind.PACK: (1, 2, 3),
    OpKind.UNPACK: (1, 2, 4),
    OpKind.SLICE: (1, 2, 4),
    OpKind.STRIDED_SLICE: (1, 2, 4),
    OpKind.GATHER: (1, 2, 4),
    OpKind.RESIZE_NEAREST_NEIGHBOR: (1, 2, 4),
    OpKind.RESIZE_BILINEAR: (1, 2, 4),
    OpKind.SPACE_TO_DEPTH: (1, 2, 2),
    OpKind.SPACE_TO_BATCH_ND: (1, 2, 3),
    OpKind.BATCH_TO_SPACE_ND: (1, 2, 3),
    OpKind.BROADCAST_TO: (2, 2, 3),
    OpKind.DEQUANTIZE: (1, 2, 3),
    OpKind.ABS: (1, 2, 3),
    OpKind.EXP: (1, 2, 2),
    OpKind.LOG: (1, 2, 2),
    OpKind.GREATER: (1, 2, 2),
    OpKind.GREATER_EQUAL: (1, 2, 2),
    OpKind.EQUAL: (1, 2, 2),
    OpKind.NOT_EQUAL: (1, 2, 2),
    OpKind.TOPK_V2: (1, 2, 2),
    OpKind.ARG_MIN: (1, 2, 2),
    OpKind.SQRT: (1, 2, 2),
    OpKind.RSQRT: (1, 2, 3),
    OpKind.BATCH_MATMUL: (1, 2, 3),
    OpKind.ARG_MAX: (1, 2, 2),
    OpKind.SVDF: (1, 3, 3),
}
_ONE = (1, 1, 1)
_COLUMNS = {DType.INT8: _INT8, DType.UINT8: _INT8, DType.INT16: _INT16}


def version_of(graph: Graph, op: Op) -> int:
    """At least what the operator's types, shapes and attributes need."""
    data = _data(graph, op)
    version = _BY_TYPE.get(op.kind, _ONE)[_COLUMNS.get(data.dtype, _FLOAT)]
    own = _OWN.get(op.kind)
    return version if own is None else max(version, own(graph, op, data))


def _data(graph: Graph, op: Op) -> Tensor:
    """The first input that is no constant, where there is one."""
    read = [graph.tensors[index] for index in op.inputs if index >= 0]
    return next((tensor for tensor in read if not tensor.is_constant), read[0])


def _is_hybrid(data: Tensor, weights: Tensor) -> bool:
    """Float activations, quantized weights."""
    return data.dtype is DType.FLOAT32 and weights.dtype is DType.INT8


def has_narrow_bias(graph: Graph, op: Op) -> bool:
    """An int32 bias beside int16 activations, which have int64 ones unless the operator says so."""
    if graph.tensors[op.inputs[0]].dtype is not DType.INT16 or len(op.inputs) < 3 or op.inputs[2] < 0:
        return False
    return graph.tensors[op.inputs[2]].dtype is DType.INT32


def _is_per_channel(tensor: Tensor) -> bool:
    return tensor.qparams is not None and tensor.qparams.axis is not None


def _convolution(graph: Graph, op: Op, data: Tensor) -> int:
    weights = graph.tensors[op.inputs[1]]
    hybrid, by_channel = (4, 6) if op.kind is OpKind.DEPTHWISE_CONV_2D else (2, 5)
    version = 1
    if weights.dtype is DType.INT4:
        version = 6 if op.kind is OpKind.DEPTHWISE_CONV_2D else 7
    if _is_hybrid(data, weights):
        version = max(version, by_channel if _is_per_channel(weights) else hybrid)
    if op.kind is OpKind.CONV_2D and weights.shape[3] != data.shape[3]:
        version = max(version, 6)  # in groups
    if op.kind is OpKind.CONV_2D and has_narrow_bias(graph, op):
        version = 8
    return max(version, 2) if isinstance(op.attrs, Conv2dAttrs) and op.attrs.dilation != (1, 1) else version


def _transpose_conv(graph: Graph, op: Op, data: Tensor) -> int:
    if has_narrow_bias(graph, op):
        return 5
    if op.activation is not Activation.NONE:
        return 4
    return 3 if len(op.inputs) > 2 else 1


def _dense(graph: Graph, op: Op, data: Tensor) -> int:
    weights = graph.tensors[op.inputs[1]]
    version = 10 if weights.dtype is DType.INT4 else 1
    if _is_hybrid(data, weights):
        version = 3
    if _is_per_channel(weights) and data.dtype is not DType.INT16:
        version = 12
    if len(op.inputs) < 3:
        version = max(version, 6)
    if has_narrow_bias(graph, op):
        version = max(version, 11)
    return max(version, 5) if len(graph.output_of(op).shape) != 2 or len(data.shape) != 2 else version


def _resize(graph: Graph, op: Op, data: Tensor) -> int:
    attrs = op.attrs
    assert isinstance(attrs, ResizeAttrs)
    nearest = op.kind is OpKind.RESIZE_NEAREST_NEIGHBOR
    return 3 if attrs.half_pixel_centers or (nearest and attrs.align_corners) else 1


def _mul(graph: Graph, op: Op, data: Tensor) -> int:
    scales = [tensor.qparams.scale[0] for tensor in _ends(graph, op) if tensor.qparams is not None]
    return 3 if len(scales) == 3 and scales[0] * scales[1] / scales[2] >= 1 else 1


def _broadcast(graph: Graph, op: Op, data: Tensor) -> int:
    one, other = (graph.tensors[index].shape for index in op.inputs[:2])
    return 3 if one != other and max(len(one), len(other)) > 4 else 1


def _ends(graph: Graph, op: Op) -> list[Tensor]:
    return [graph.tensors[index] for index in (*op.inputs, *op.outputs)]


def _beyond_rank_4(version: int) -> Callable[[Graph, Op, Tensor], int]:
    return lambda graph, op, data: version if len(data.shape) > 4 else 1


def _transpose(graph: Graph, op: Op, data: Tensor) -> int:
    return {5: 4, 6: 6}.get(len(data.shape), 8 if len(data.shape) > 6 else 1)


def _dequantize(graph: Graph, op: Op, data: Tensor) -> int:
    if data.dtype is DType.INT4:
        return 6
    if data.dtype is DType.FLOAT16:
        return 3
    return 5 if _is_per_channel(data) else 1


def _quantize(graph: Graph, op: Op, data: Tensor) -> int:
    return 2 if graph.output_of(op).dtype is DType.INT16 else 1


def _lstm(graph: Graph, op: Op, data: Tensor) -> int:
    weights = graph.tensors[op.inputs[2]]
    if data.dtype is DType.INT16:
        return 5
    return 2 if _is_hybrid(data, weights) else 1


_OWN: Mapping[OpKind, Callable[[Graph, Op, Tensor], int]] = {
    OpKind.CONV_2D: _convolution,
    OpKind.DEPTHWISE_CONV_2D: _convolution,
    OpKind.TRANSPOSE_CONV: _transpose_conv,
    OpKind.FULLY_CONNECTED: _dense,
    OpKind.RESIZE_NEAREST_NEIGHBOR: _resize,
    OpKind.RESIZE_BILINEAR: _resize,
    OpKind.MUL: _mul,
    OpKind.SUB: _broadcast,
    OpKind.MAXIMUM: _broadcast,
    OpKind.MINIMUM: _broadcast,
    OpKind.SLICE: _beyond_rank_4(5),
    OpKind.PAD: _beyond_rank_4(4),
    OpKind.PADV2: _beyond_rank_4(4),
    OpKind.STRIDED_SLICE: _beyond_rank_4(4),
    OpKind.TRANSPOSE: _transpose,
    OpKind.DEQUANTIZE: _dequantize,
    OpKind.QUANTIZE: _quantize,
    OpKind.UNIDIRECTIONAL_SEQUENCE_LSTM: _lstm,
}
