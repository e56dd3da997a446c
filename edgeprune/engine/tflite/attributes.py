"""Per operator kind: its attributes, and which of its inputs are values rather than settings.

TFLite keeps some settings (paddings, axes, permutations) in constant input tensors. In the normal form of
`edgeprune.ir` they are attributes and the tensors are gone from the op's inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgeprune.engine.tflite import move_attributes
from edgeprune.engine.tflite.source import Source
from edgeprune.engine.tflite.windows import same_or_valid, transposed_pad
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import (
    NO_ATTRS,
    Activation,
    ArithmeticAttrs,
    Attrs,
    AxisAttrs,
    BatchMatmulAttrs,
    ConcatenationAttrs,
    Conv2dAttrs,
    CumsumAttrs,
    DivAttrs,
    DType,
    FullyConnectedAttrs,
    GeluAttrs,
    L2NormalizationAttrs,
    LeakyReluAttrs,
    LstmAttrs,
    OpKind,
    PoolAttrs,
    ReduceAttrs,
    SoftmaxAttrs,
    SvdfAttrs,
    TransposeConvAttrs,
)

_ACTIVATIONS = {0: Activation.NONE, 1: Activation.RELU, 2: Activation.RELU_N1_TO_1, 3: Activation.RELU6}


def _activation(s: Source) -> Activation:
    code = s.options.FusedActivationFunction()
    if code not in _ACTIVATIONS:
        raise UnsupportedOp(f"{s.where}: fused activation number {code} has no int8 form")
    return _ACTIVATIONS[code]


def _conv(s: Source) -> Attrs:
    o = s.options
    stride, dilation = (o.StrideH(), o.StrideW()), (o.DilationHFactor(), o.DilationWFactor())
    pad = same_or_valid(s.where, o.Padding(), s.input(0), s.input(1).shape[1:3], stride, dilation)
    return Conv2dAttrs(stride=stride, pad=pad, dilation=dilation, activation=_activation(s))


def _transpose_conv(s: Source) -> Attrs:
    stride = (s.options.StrideH(), s.options.StrideW())
    pad = transposed_pad(s.where, s.options.Padding(), s.input(2), s.input(1), s.outputs[0], stride)
    return TransposeConvAttrs(stride=stride, pad=pad, activation=_activation(s))


def _pool(s: Source) -> Attrs:
    o = s.options
    stride, window = (o.StrideH(), o.StrideW()), (o.FilterHeight(), o.FilterWidth())
    pad = same_or_valid(s.where, o.Padding(), s.input(0), window, stride, (1, 1))
    return PoolAttrs(filter=window, stride=stride, pad=pad, activation=_activation(s))


def _dense(s: Source) -> Attrs:
    if s.options.WeightsFormat() != 0:
        raise UnsupportedOp(f"{s.where}: shuffled weights")
    return FullyConnectedAttrs(activation=_activation(s))


def _arithmetic(s: Source) -> Attrs:
    return ArithmeticAttrs(activation=_activation(s))


def _sum(s: Source) -> Attrs:
    by_shifts = s.outputs[0].dtype is DType.INT16 and bool(s.options.PotScaleInt16())
    return ArithmeticAttrs(activation=_activation(s), by_shifts=by_shifts)


def _reduce(s: Source) -> Attrs:
    axes = tuple(sorted({s.axis(axis, s.rank()) for axis in s.ints(1)}))
    return ReduceAttrs(axes=axes, keep_dims=bool(s.options.KeepDims()))


def _concatenation(s: Source) -> Attrs:
    return ConcatenationAttrs(axis=s.axis(s.options.Axis(), s.rank()), activation=_activation(s))


def _arg_max(s: Source) -> Attrs:
    return AxisAttrs(axis=s.axis(s.ints(1)[0], s.rank()))


def _cumsum(s: Source) -> Attrs:
    o = s.options
    axis = s.axis(s.ints(1)[0], s.rank())
    return CumsumAttrs(axis=axis, exclusive=bool(o.Exclusive()), reverse=bool(o.Reverse()))


def _one_hot(s: Source) -> Attrs:
    rank = s.rank() + 1
    axis = s.axis(s.options.Axis(), rank)
    depth, made = s.ints(1)[0], s.outputs[0].shape
    if len(made) != rank or made[axis] != depth:
        raise ModelError(f"{s.where}: a depth of {depth} along axis {axis}, but its output has shape {made}")
    return AxisAttrs(axis=axis)


def _l2_normalization(s: Source) -> Attrs:
    if _activation(s) is not Activation.NONE:
        raise UnsupportedOp(f"{s.where}: an activation fused into it, which LiteRT has no kernel for")
    return L2NormalizationAttrs()


def _lstm(s: Source) -> Attrs:
    o = s.options
    if o.FusedActivationFunction() != 4:
        raise UnsupportedOp(f"{s.where}: its activation is not tanh")
    return LstmAttrs(
        cell_clip=s.real(o.CellClip()),
        projection_clip=s.real(o.ProjClip()),
        time_major=bool(o.TimeMajor()),
        intermediates=s.intermediates,
    )


def _none(s: Source) -> Attrs:
    return NO_ATTRS


@dataclass(frozen=True)
class Rule:
    """options: generated class ("" where an op needs none); inputs: those kept, in normal order, None for all;
    required: how many of them, from the first on, must be there."""

    options: str
    read: Callable[[Source], Attrs]
    inputs: tuple[int, ...] | None = None
    required: int = 1


_FIRST = (0,)
RULES: Mapping[OpKind, Rule] = {
    OpKind.CONV_2D: Rule("Conv2DOptions", _conv, required=2),
    OpKind.DEPTHWISE_CONV_2D: Rule("DepthwiseConv2DOptions", _conv, required=2),
    OpKind.TRANSPOSE_CONV: Rule("TransposeConvOptions", _transpose_conv, (2, 1, 3), required=2),
    OpKind.FULLY_CONNECTED: Rule("FullyConnectedOptions", _dense, required=2),
    OpKind.ADD: Rule("AddOptions", _sum, required=2),
    OpKind.SUB: Rule("SubOptions", _sum, required=2),
    OpKind.MUL: Rule("MulOptions", _arithmetic, required=2),
    OpKind.MAXIMUM: Rule("", _none, required=2),
    OpKind.MINIMUM: Rule("", _none, required=2),
    OpKind.SQUARED_DIFFERENCE: Rule("", _none, required=2),
    OpKind.FLOOR_DIV: Rule("", _none, required=2),
    OpKind.FLOOR_MOD: Rule("", _none, required=2),
    OpKind.BITWISE_XOR: Rule("", _none, required=2),
    OpKind.RIGHT_SHIFT: Rule("", _none, required=2),
    OpKind.L2_POOL_2D: Rule("Pool2DOptions", _pool),
    OpKind.AVERAGE_POOL_2D: Rule("Pool2DOptions", _pool),
    OpKind.MAX_POOL_2D: Rule("Pool2DOptions", _pool),
    OpKind.MEAN: Rule("ReducerOptions", _reduce, _FIRST),
    OpKind.SUM: Rule("ReducerOptions", _reduce, _FIRST),
    OpKind.REDUCE_MAX: Rule("ReducerOptions", _reduce, _FIRST),
    OpKind.REDUCE_MIN: Rule("ReducerOptions", _reduce, _FIRST),
    OpKind.REDUCE_PROD: Rule("ReducerOptions", _reduce, _FIRST),
    OpKind.CUMSUM: Rule("CumsumOptions", _cumsum, _FIRST),
    OpKind.L2_NORMALIZATION: Rule("L2NormOptions", _l2_normalization),
    OpKind.SOFTMAX: Rule("SoftmaxOptions", lambda s: SoftmaxAttrs(beta=s.real(s.options.Beta()))),
    OpKind.LOG_SOFTMAX: Rule("", _none),
    OpKind.LOGISTIC: Rule("", _none),
    OpKind.TANH: Rule("", _none),
    OpKind.RELU: Rule("", _none),
    OpKind.RELU6: Rule("", _none),
    OpKind.RELU_N1_TO_1: Rule("", _none),
    OpKind.RELU_0_TO_1: Rule("", _none),
    OpKind.LEAKY_RELU: Rule("LeakyReluOptions", lambda s: LeakyReluAttrs(alpha=s.real(s.options.Alpha()))),
    OpKind.PRELU: Rule("", _none, required=2),
    OpKind.HARD_SWISH: Rule("", _none),
    OpKind.ELU: Rule("", _none),
    OpKind.GELU: Rule("GeluOptions", lambda s: GeluAttrs(approximate=bool(s.options.Approximate()))),
    OpKind.PAD: Rule("", move_attributes.pad, _FIRST),
    OpKind.PADV2: Rule("", move_attributes.pad, (0, 2)),
    OpKind.MIRROR_PAD: Rule("MirrorPadOptions", move_attributes.mirror_pad, _FIRST),
    OpKind.RESHAPE: Rule("", _none, _FIRST),
    OpKind.SQUEEZE: Rule("SqueezeOptions", _none, _FIRST),
    OpKind.EXPAND_DIMS: Rule("", _none, _FIRST),
    OpKind.TRANSPOSE: Rule("", move_attributes.transpose, _FIRST),
    OpKind.CONCATENATION: Rule("ConcatenationOptions", _concatenation),
    OpKind.SPLIT: Rule("", move_attributes.split, (1,)),
    OpKind.SPLIT_V: Rule("", move_attributes.split_v, _FIRST),
    OpKind.PACK: Rule("PackOptions", move_attributes.pack),
    OpKind.UNPACK: Rule("UnpackOptions", move_attributes.unpack),
    OpKind.SLICE: Rule("", move_attributes.slice_, _FIRST),
    OpKind.STRIDED_SLICE: Rule("StridedSliceOptions", move_attributes.strided, _FIRST),
    OpKind.GATHER: Rule("GatherOptions", move_attributes.gather, required=2),
    OpKind.GATHER_ND: Rule("", _none, (0, 1), required=2),
    OpKind.SCATTER_ND: Rule("", _none, (0, 1), required=2),
    OpKind.DYNAMIC_UPDATE_SLICE: Rule("", _none, required=3),
    OpKind.ONE_HOT: Rule("OneHotOptions", _one_hot, (0, 2, 3), required=3),
    OpKind.RESIZE_NEAREST_NEIGHBOR: Rule("ResizeNearestNeighborOptions", move_attributes.resize, _FIRST),
    OpKind.RESIZE_BILINEAR: Rule("ResizeBilinearOptions", move_attributes.resize, _FIRST),
    OpKind.SPACE_TO_DEPTH: Rule("SpaceToDepthOptions", move_attributes.block),
    OpKind.DEPTH_TO_SPACE: Rule("DepthToSpaceOptions", move_attributes.block),
    OpKind.SPACE_TO_BATCH_ND: Rule("", move_attributes.space_batch, _FIRST),
    OpKind.BATCH_TO_SPACE_ND: Rule("", move_attributes.space_batch, _FIRST),
    OpKind.TILE: Rule("", move_attributes.tile, _FIRST),
    OpKind.BROADCAST_TO: Rule("", move_attributes.broadcast_to, _FIRST),
    OpKind.READ_VARIABLE: Rule("", _none),
    OpKind.ASSIGN_VARIABLE: Rule("", _none),
    OpKind.QUANTIZE: Rule("", _none),
    OpKind.DEQUANTIZE: Rule("", _none),
    OpKind.ABS: Rule("", _none),
    OpKind.SQUARE: Rule("", _none),
    OpKind.NEG: Rule("", _none),
    OpKind.SQRT: Rule("", _none),
    OpKind.RSQRT: Rule("", _none),
    OpKind.EXP: Rule("", _none),
    OpKind.LOG: Rule("", _none),
    OpKind.SIN: Rule("", _none),
    OpKind.COS: Rule("", _none),
    OpKind.SIGN: Rule("", _none),
    OpKind.FLOOR: Rule("", _none),
    OpKind.CEIL: Rule("", _none),
    OpKind.ROUND: Rule("", _none),
    OpKind.POW: Rule("", _none, required=2),
    OpKind.DIV: Rule("DivOptions", lambda s: DivAttrs(activation=_activation(s)), required=2),
    OpKind.GREATER: Rule("", _none, required=2),
    OpKind.GREATER_EQUAL: Rule("", _none, required=2),
    OpKind.EQUAL: Rule("", _none, required=2),
    OpKind.NOT_EQUAL: Rule("", _none, required=2),
    OpKind.LOGICAL_AND: Rule("", _none, required=2),
    OpKind.LOGICAL_OR: Rule("", _none, required=2),
    OpKind.LOGICAL_NOT: Rule("", _none),
    OpKind.SELECT_V2: Rule("", _none, required=3),
    OpKind.CAST: Rule("", _none),
    OpKind.BATCH_MATMUL: Rule(
        "BatchMatMulOptions",
        lambda s: BatchMatmulAttrs(adj_x=bool(s.options.AdjX()), adj_y=bool(s.options.AdjY())),
        required=2,
    ),
    OpKind.ARG_MAX: Rule("", _arg_max, _FIRST),
    OpKind.ARG_MIN: Rule("", _arg_max, _FIRST),
    OpKind.TOPK_V2: Rule("", _none, _FIRST),
    OpKind.UNIDIRECTIONAL_SEQUENCE_LSTM: Rule("UnidirectionalSequenceLSTMOptions", _lstm),
    OpKind.SVDF: Rule("SVDFOptions", lambda s: SvdfAttrs(rank=int(s.options.Rank()), activation=_activation(s))),
}
