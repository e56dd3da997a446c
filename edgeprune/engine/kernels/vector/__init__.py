"""Plain C in loops that compilers make vector instructions of, for processors with an operating system.

What each computes, and its conditions on a layer, stand in its header under `firmware/include/vector`. The same C is
right on any processor, and fast where the compiler has vectors: NEON on Arm, SDOT where a target states it.
"""

from edgeprune.engine.kernels.vector import conv2d, dense, depthwise
from edgeprune.ir import OpKind

KERNELS = {
    OpKind.CONV_2D: (conv2d.candidate,),
    OpKind.DEPTHWISE_CONV_2D: (depthwise.candidate,),
    OpKind.FULLY_CONNECTED: (dense.candidate,),
}
