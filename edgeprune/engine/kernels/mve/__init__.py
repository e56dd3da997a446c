"""Kernels for cores with the M-profile vector extension, Helium (Cortex-M55, M85): 16 int8 products an instruction.

What each computes, and its conditions on a layer, stand in its header under `firmware/include/mve`. A layer none of
them suits takes the kernel of the DSP extension, which these cores have too.
"""

from edgeprune.engine.kernels.mve import add, conv2d, dense, depthwise, depthwise_windows, lstm, pieces
from edgeprune.ir import OpKind

KERNELS = {
    OpKind.CONV_2D: (conv2d.candidate, pieces.conv2d),
    OpKind.DEPTHWISE_CONV_2D: (depthwise.candidate, depthwise_windows.candidate),
    OpKind.TRANSPOSE_CONV: (pieces.transpose_conv,),
    OpKind.FULLY_CONNECTED: (dense.candidate,),
    OpKind.UNIDIRECTIONAL_SEQUENCE_LSTM: (lstm.candidate,),
    OpKind.SVDF: (lstm.svdf,),
    OpKind.ADD: (add.candidate,),
    OpKind.SUB: (add.candidate,),
}
