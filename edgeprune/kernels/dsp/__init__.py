"""Kernels for cores with the DSP extension (Cortex-M4, M7, M33): two 16-bit multiplications an instruction.

What each does, and what it asks of a layer, stands in its header under `firmware/include/dsp`.
"""
