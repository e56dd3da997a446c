"""Kernels for cores with the DSP extension (Cortex-M4, M7, M33): two 16-bit multiplications an instruction.

What each computes, and its conditions on a layer, stand in its header under `firmware/include/dsp`.
"""

from edgeprune.engine.kernels.dsp import (
    add,
    channel_mean,
    conv2d,
    dense,
    dense16,
    depthwise,
    depthwise16,
    depthwise_channels,
    lstm,
    pieces,
    planes,
    pointwise16,
    scales,
    tiles16,
    transpose16,
    vectors16,
    winograd,
)
from edgeprune.ir import OpKind

__all__ = ["KERNELS", "KERNELS16", "scales"]

KERNELS = {
    OpKind.CONV_2D: (winograd.candidate, conv2d.candidate, dense.one_pixel, pieces.conv2d),
    OpKind.DEPTHWISE_CONV_2D: (depthwise_channels.candidate, depthwise.candidate, planes.candidate),
    OpKind.TRANSPOSE_CONV: (pieces.transpose_conv,),
    OpKind.FULLY_CONNECTED: (dense.candidate,),
    OpKind.UNIDIRECTIONAL_SEQUENCE_LSTM: (lstm.candidate,),
    OpKind.SVDF: (lstm.svdf,),
    OpKind.ADD: (add.candidate,),
    OpKind.SUB: (add.candidate,),
    OpKind.MEAN: (channel_mean.candidate,),
    OpKind.AVERAGE_POOL_2D: (channel_mean.candidate,),
}

KERNELS16 = {
    OpKind.ADD: (pointwise16.add,),
    OpKind.SUB: (pointwise16.add,),
    OpKind.CONV_2D: (vectors16.candidate, tiles16.conv2d),
    OpKind.DEPTHWISE_CONV_2D: (depthwise16.candidate,),
    OpKind.TRANSPOSE_CONV: (transpose16.candidate,),
    OpKind.FULLY_CONNECTED: (dense16.candidate,),
    **dict.fromkeys((OpKind.RELU, OpKind.RELU6, OpKind.LEAKY_RELU, OpKind.ABS, OpKind.QUANTIZE), (pointwise16.slopes,)),
}
"""Over int16 activations."""
