"""HARD_SWISH: x * clamp(x + 3, 0, 6) / 6 in 16-bit fixed point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeprune.errors import ModelError
from edgeprune.ir import Op, Tensor
from edgeprune.kernels.fixed_point import shift_right_round
from edgeprune.kernels.lookup import VALUES, lookup
from edgeprune.kernels.requant import quantize_multiplier, scale_zero

Int64s = npt.NDArray[np.int64]

_EXTRA_BITS = 7  # inputs are widened to 15 bits


def _table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    fine_scale = np.float32(1 / 128) * np.float32(in_scale)
    out_multiplier, out_shift = _short_multiplier(float(fine_scale / np.float32(out_scale)))
    gate_multiplier, gate_shift = _short_multiplier(float(fine_scale / np.float32(3 / 32768)))
    if out_shift > 0:
        raise ModelError(f"HARD_SWISH {op.name!r}: output scale {out_scale:g} is too fine for input scale {in_scale:g}")
    x = (VALUES - in_zero).astype(np.int64) << _EXTRA_BITS
    gate = _shift_left(x, gate_shift - 1) if gate_shift > 0 else x
    gate = _multiply_high(gate, gate_multiplier)
    gate = _shift_left(gate, 1) if gate_shift > 0 else shift_right_round(gate, -gate_shift)
    gate = (gate + (1 << 15)) >> 1  # from [-1, 1] to [0, 1], Q0.15
    product = gate * _multiply_high(x, out_multiplier)
    cut = np.sign(product) * (np.abs(product) >> 15)  # towards zero
    return shift_right_round(cut, -out_shift) + out_zero


def _short_multiplier(real: float) -> tuple[int, int]:
    """A multiplier of 16 bits, Q0.15, and its shift."""
    multiplier, shift = quantize_multiplier(real)
    return min((multiplier + (1 << 15)) >> 16, (1 << 15) - 1), shift


def _multiply_high(a: Int64s, b: int) -> Int64s:
    """round(a * b / 2**15), halves upwards."""
    return (a * b + (1 << 14)) >> 15


def _shift_left(x: Int64s, bits: int) -> Int64s:
    return np.asarray(np.clip(x << bits, -(1 << 15), (1 << 15) - 1))


CANDIDATES = (lookup(_table),)
