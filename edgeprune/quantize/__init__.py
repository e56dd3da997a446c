"""Ranges, int8 on this machine, quantization-aware training."""
