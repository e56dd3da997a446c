"""Kernels for cores without the DSP extension (Cortex-M0, M0+, M3): one constant layout, two inner loops.

What each does, and what it asks of a layer, stands in its header under `firmware/include/scalar`.
"""
