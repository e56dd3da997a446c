"""Kernels for cores without the DSP extension (Cortex-M0, M0+, M3): one constant layout, two inner loops.

What each computes, and its conditions on a layer, stand in its header under `firmware/include/scalar`.
"""

from edgeprune.engine.kernels.scalar import add, conv2d, dense, depthwise, lstm, pieces, planes
from edgeprune.ir import OpKind

KERNELS = {
    OpKind.CONV_2D: (conv2d.candidate, pieces.conv2d),
    OpKind.DEPTHWISE_CONV_2D: (depthwise.candidate, planes.candidate),
    OpKind.TRANSPOSE_CONV: (pieces.transpose_conv,),
    OpKind.FULLY_CONNECTED: (dense.candidate,),
    OpKind.UNIDIRECTIONAL_SEQUENCE_LSTM: (lstm.candidate,),
    OpKind.SVDF: (lstm.svdf,),
    OpKind.ADD: (add.candidate,),
    OpKind.SUB: (add.candidate,),
}
