"""Kernels for cores with the M-profile vector extension, Helium (Cortex-M55, M85): 16 int8 products an instruction.

What each does, and what it asks of a layer, stands in its header under `firmware/include/mve`. A layer none of them
suits takes the kernel of the DSP extension, which these cores have too.
"""
