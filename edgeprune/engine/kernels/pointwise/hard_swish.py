"""HARD_SWISH: x * clamp(x + 3, 0, 6) / 6 in 16-bit fixed point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgeprune.engine.kernels.fixed_point import shift_right_round
from edgeprune.engine.kernels.pointwise.lookup import VALUES, lookup
from edgeprune.engine.kernels.requant import CALIBRATE, quantize_multiplier, scale_zero
from edgeprune.errors import ModelError
from edgeprune.ir import Op, OpKind, Tensor

Int64s = npt.NDArray[np.int64]

_EXTRA_BITS = 7  # inputs are widened to 15 bits


def _table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    fine_scale = np.float32(1 / 128) * np.float32(in_scale)
    out_multiplier, out_shift = _short_multiplier(float(fine_scale / np.float32(out_scale)))
    gate_multiplier, gate_shift = _short_multiplier(float(fine_scale / np.float32(3 / 32768)))
    if out_shift > 0:
        raise ModelError(
            f"HARD_SWISH {op.name!r}: its output's scale of {out_scale:g} is less than its input's {in_scale:g} / 128, "
            "where LiteRT's result is undefined",
            CALIBRATE,
        )
    x = (VALUES - in_zero).astype(np.int64) << _EXTRA_BITS
    gate = _shift_left(x, gate_shift - 1) if gate_shift > 0 else x
    gate = _multiply_high(gate, gate_multiplier)
    gate = _shift_left(gate, 1) if gate_shift > 0 else _shift_right(gate, -gate_shift)
    gate = (gate + (1 << 15)) >> 1  # from [-1, 1] to [0, 1], Q0.15
    product = gate * _multiply_high(x, out_multiplier)
    cut = np.sign(product) * (np.abs(product) >> 15)  # towards zero
    return _shift_right(cut, -out_shift) + out_zero


def _short_multiplier(real: float) -> tuple[int, int]:
    """A multiplier of 16 bits, Q0.15, and its shift."""
    multiplier, shift = quantize_multiplier(real)
    return min((multiplier + (1 << 15)) >> 16, (1 << 15) - 1), shift


def _multiply_high(a: Int64s, b: int) -> Int64s:
    """round(a * b / 2**15), halves upwards."""
    return (a * b + (1 << 14)) >> 15


def _shift_right(x: Int64s, bits: int) -> Int64s:
    """round(x / 2**bits), halves away from zero, of 16-bit values; LiteRT's mask of more than 15 bits has no bit left,
    and what is left of x is 1 or -1."""
    return shift_right_round(x, bits) if bits < 16 else np.where(x < 0, -1, 1)


def _shift_left(x: Int64s, bits: int) -> Int64s:
    return np.asarray(np.clip(x << bits, -(1 << 15), (1 << 15) - 1))


KERNELS = {OpKind.HARD_SWISH: lookup(_table)}
