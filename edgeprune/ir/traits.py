"""Properties of each kind of operator, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeprune.ir.attrs import (
    Activation,
    ArithmeticAttrs,
    Attrs,
    AxisAttrs,
    BatchMatmulAttrs,
    BlockAttrs,
    ConcatenationAttrs,
    Conv2dAttrs,
    CumsumAttrs,
    DetectionAttrs,
    DivAttrs,
    EarlyExitAttrs,
    FullyConnectedAttrs,
    GatherAttrs,
    GeluAttrs,
    L2NormalizationAttrs,
    LeakyReluAttrs,
    LstmAttrs,
    MirrorPadAttrs,
    NoAttrs,
    PadAttrs,
    PoolAttrs,
    ReduceAttrs,
    ResizeAttrs,
    SliceAttrs,
    SoftmaxAttrs,
    SpaceBatchAttrs,
    StageAttrs,
    StridedSliceAttrs,
    SvdfAttrs,
    TransposeAttrs,
    TransposeConvAttrs,
)
from edgeprune.ir.function import FunctionAttrs
from edgeprune.ir.kinds import OpKind


@dataclass(frozen=True, kw_only=True)
class Traits:
    """One kind of operator.

    Attributes:
        attrs: type of its attributes.
        weight_output_axis: axis of the output channels in its weights (input 1; input 2 is the bias, one value per
            output channel); None for kinds without.
        mixes_channels: an output channel is a weighted sum over input channels, all of them or those of its group.
        is_gemm: its weights have a row per output channel, which is multiplied with a window of the input.
        takes_activation: an activation behind it can be fused into it.
        standalone_activation: the activation it is; None for other kinds.
        keeps_scale: its output has the scale and zero point of input 0.
        is_reshape: the same bytes under another shape.
        is_join: its inputs side by side.
        is_split: its outputs side by side are its input.
    """

    attrs: type[Attrs] = NoAttrs
    weight_output_axis: int | None = None
    mixes_channels: bool = False
    is_gemm: bool = False
    takes_activation: bool = False
    standalone_activation: Activation | None = None
    keeps_scale: bool = False
    is_reshape: bool = False
    is_join: bool = False
    is_split: bool = False

    @property
    def has_weights(self) -> bool:
        return self.weight_output_axis is not None


_PLAIN = Traits()
_RESHAPE = Traits(is_reshape=True, keeps_scale=True)
_ARITHMETIC = Traits(attrs=ArithmeticAttrs, takes_activation=True)
_POOL = Traits(attrs=PoolAttrs, takes_activation=True, keeps_scale=True)
_PAD = Traits(attrs=PadAttrs, keeps_scale=True)
_SPLIT = Traits(attrs=AxisAttrs, is_split=True, keeps_scale=True)
_RESIZE = Traits(attrs=ResizeAttrs, keeps_scale=True)
_BLOCK = Traits(attrs=BlockAttrs, keeps_scale=True)

TRAITS: Mapping[OpKind, Traits] = {
    OpKind.CONV_2D: Traits(
        attrs=Conv2dAttrs, weight_output_axis=0, mixes_channels=True, is_gemm=True, takes_activation=True
    ),
    OpKind.DEPTHWISE_CONV_2D: Traits(attrs=Conv2dAttrs, weight_output_axis=3, takes_activation=True),
    OpKind.TRANSPOSE_CONV: Traits(
        attrs=TransposeConvAttrs, weight_output_axis=0, mixes_channels=True, takes_activation=True
    ),
    OpKind.FULLY_CONNECTED: Traits(
        attrs=FullyConnectedAttrs, weight_output_axis=0, mixes_channels=True, is_gemm=True, takes_activation=True
    ),
    OpKind.ADD: _ARITHMETIC,
    OpKind.SUB: _ARITHMETIC,
    OpKind.MUL: _ARITHMETIC,
    OpKind.MAXIMUM: _PLAIN,
    OpKind.MINIMUM: _PLAIN,
    OpKind.SQUARED_DIFFERENCE: _PLAIN,
    OpKind.FLOOR_DIV: _PLAIN,
    OpKind.FLOOR_MOD: _PLAIN,
    OpKind.BITWISE_XOR: _PLAIN,
    OpKind.RIGHT_SHIFT: _PLAIN,
    OpKind.AVERAGE_POOL_2D: _POOL,
    OpKind.MAX_POOL_2D: _POOL,
    OpKind.L2_POOL_2D: Traits(attrs=PoolAttrs, takes_activation=True),
    OpKind.MEAN: Traits(attrs=ReduceAttrs),
    OpKind.SUM: Traits(attrs=ReduceAttrs),
    OpKind.REDUCE_MAX: Traits(attrs=ReduceAttrs, keeps_scale=True),
    OpKind.REDUCE_MIN: Traits(attrs=ReduceAttrs, keeps_scale=True),
    OpKind.REDUCE_PROD: Traits(attrs=ReduceAttrs),
    OpKind.CUMSUM: Traits(attrs=CumsumAttrs),
    OpKind.L2_NORMALIZATION: Traits(attrs=L2NormalizationAttrs),
    OpKind.SOFTMAX: Traits(attrs=SoftmaxAttrs),
    OpKind.LOG_SOFTMAX: _PLAIN,
    OpKind.LOGISTIC: _PLAIN,
    OpKind.TANH: _PLAIN,
    OpKind.RELU: Traits(standalone_activation=Activation.RELU),
    OpKind.RELU6: Traits(standalone_activation=Activation.RELU6),
    OpKind.RELU_N1_TO_1: Traits(standalone_activation=Activation.RELU_N1_TO_1),
    OpKind.RELU_0_TO_1: _PLAIN,
    OpKind.LEAKY_RELU: Traits(attrs=LeakyReluAttrs),
    OpKind.PRELU: _PLAIN,
    OpKind.HARD_SWISH: _PLAIN,
    OpKind.ELU: _PLAIN,
    OpKind.GELU: Traits(attrs=GeluAttrs),
    OpKind.PAD: _PAD,
    OpKind.PADV2: _PAD,
    OpKind.MIRROR_PAD: Traits(attrs=MirrorPadAttrs, keeps_scale=True),
    OpKind.RESHAPE: _RESHAPE,
    OpKind.SQUEEZE: _RESHAPE,
    OpKind.EXPAND_DIMS: _RESHAPE,
    OpKind.TRANSPOSE: Traits(attrs=TransposeAttrs, keeps_scale=True),
    OpKind.CONCATENATION: Traits(attrs=ConcatenationAttrs, is_join=True, keeps_scale=True),
    OpKind.SPLIT: _SPLIT,
    OpKind.SPLIT_V: _SPLIT,
    OpKind.PACK: Traits(attrs=AxisAttrs, is_join=True, keeps_scale=True),
    OpKind.UNPACK: _SPLIT,
    OpKind.SLICE: Traits(attrs=SliceAttrs, keeps_scale=True),
    OpKind.STRIDED_SLICE: Traits(attrs=StridedSliceAttrs, keeps_scale=True),
    OpKind.GATHER: Traits(attrs=GatherAttrs, keeps_scale=True),
    OpKind.GATHER_ND: Traits(keeps_scale=True),
    OpKind.SCATTER_ND: _PLAIN,
    OpKind.DYNAMIC_UPDATE_SLICE: Traits(keeps_scale=True),
    OpKind.ONE_HOT: Traits(attrs=AxisAttrs),
    OpKind.RESIZE_NEAREST_NEIGHBOR: _RESIZE,
    OpKind.RESIZE_BILINEAR: _RESIZE,
    OpKind.SPACE_TO_DEPTH: _BLOCK,
    OpKind.DEPTH_TO_SPACE: _BLOCK,
    OpKind.SPACE_TO_BATCH_ND: Traits(attrs=SpaceBatchAttrs, keeps_scale=True),
    OpKind.BATCH_TO_SPACE_ND: Traits(attrs=SpaceBatchAttrs, keeps_scale=True),
    OpKind.TILE: Traits(keeps_scale=True),
    OpKind.BROADCAST_TO: Traits(keeps_scale=True),
    OpKind.READ_VARIABLE: Traits(keeps_scale=True),
    OpKind.ASSIGN_VARIABLE: Traits(keeps_scale=True),
    OpKind.QUANTIZE: _PLAIN,
    OpKind.DEQUANTIZE: _PLAIN,
    OpKind.ABS: _PLAIN,
    OpKind.SQUARE: _PLAIN,
    OpKind.SQRT: _PLAIN,
    OpKind.RSQRT: _PLAIN,
    **dict.fromkeys(
        (
            OpKind.EXP,
            OpKind.LOG,
            OpKind.SIN,
            OpKind.COS,
            OpKind.SIGN,
            OpKind.NEG,
            OpKind.CEIL,
            OpKind.FLOOR,
            OpKind.ROUND,
            OpKind.POW,
            OpKind.GREATER,
            OpKind.GREATER_EQUAL,
            OpKind.EQUAL,
            OpKind.NOT_EQUAL,
            OpKind.LOGICAL_AND,
            OpKind.LOGICAL_OR,
            OpKind.LOGICAL_NOT,
            OpKind.SELECT_V2,
            OpKind.TOPK_V2,
            OpKind.CAST,
            OpKind.TABLE,
        ),
        _PLAIN,
    ),
    OpKind.DIV: Traits(attrs=DivAttrs, takes_activation=True),
    OpKind.FUNCTION: Traits(attrs=FunctionAttrs),
    OpKind.BATCH_MATMUL: Traits(attrs=BatchMatmulAttrs),
    OpKind.ARG_MAX: Traits(attrs=AxisAttrs),
    OpKind.ARG_MIN: Traits(attrs=AxisAttrs),
    OpKind.DETECTION_POSTPROCESS: Traits(attrs=DetectionAttrs),
    OpKind.UNIDIRECTIONAL_SEQUENCE_LSTM: Traits(attrs=LstmAttrs),
    OpKind.SVDF: Traits(attrs=SvdfAttrs),
    OpKind.EARLY_EXIT: Traits(attrs=EarlyExitAttrs),
    OpKind.STAGE: Traits(attrs=StageAttrs),
}
