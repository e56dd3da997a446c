"""The constants that all kernels here read: weights in padded rows, folded biases, a scale a channel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import Constant, Symbols
from edgeprune.engine.kernels.geometry import Window
from edgeprune.engine.kernels.operands import table
from edgeprune.engine.kernels.scaling import Int64s, Scaling
from edgeprune.ir import DType, Tensor

_CHANNELS, _TAPS = 4, 16
_MOST_TAPS = 0xFFFF


def padded(channels: int, taps: int) -> tuple[int, int]:
    """Rows and their length as they are stored."""
    return -(-channels // _CHANNELS) * _CHANNELS, -(-taps // _TAPS) * _TAPS


def suits(weights: Tensor, optimize: Optimize, taps: int) -> bool:
    """Whether the kernels take these weights: int4 ones would take twice their storage, -128 is beyond a pair."""
    if taps > _MOST_TAPS or (weights.dtype is DType.INT4 and optimize is Optimize.SIZE):
        return False
    return weights.data is None or int(weights.data.min(initial=0)) > -128


def weight_rows(rows: Callable[[], Int64s] | None, channels: int, taps: int) -> Constant:
    """(channels, taps) int8, zeros behind both."""
    stored = padded(channels, taps)

    def values() -> np.ndarray:
        assert rows is not None
        made = np.zeros(stored, np.int8)
        made[:channels, :taps] = rows()
        return made.reshape(-1)

    count = stored[0] * stored[1]
    return Constant(
        "weights", "int8_t", count, 1, values=None if rows is None else values, table_bytes=count - channels * taps
    )


def channel_tables(
    bias: Callable[[], Int64s] | None, scaling: Callable[[], Scaling] | None, channels: int
) -> tuple[Constant, ...]:
    """`bias`, folded, as int32 wraps it; `multiplier` and `shift`."""

    def wrapped() -> np.ndarray:
        assert bias is not None
        return bias().astype(np.int32)

    def of(name: str, dtype: type) -> Callable[[], np.ndarray] | None:
        return None if scaling is None else lambda: np.asarray(getattr(scaling(), name)).astype(dtype)

    return (
        Constant("bias", "int32_t", channels, 4, values=None if bias is None else wrapped),
        table("multiplier", "int32_t", channels, of("multiplier", np.int32)),
        table("shift", "int8_t", channels, of("shift", np.int8)),
    )


def scale_fields(s: Symbols, zero: int, low: int, high: int) -> str:
    """C initializer of `ep_vector_scales_t`."""
    arrays = ", ".join(f".{role} = {s.constant(role)}" for role in ("bias", "multiplier", "shift"))
    return f"{{{arrays}, .out_zero = {zero}, .out_min = {low}, .out_max = {high}}}"


def window_fields(window: Window, in_zero: int) -> dict[str, object]:
    """C fields of convolutions of both kinds."""
    own = {
        "in_c": window.in_c, "kernel_h": window.kernel_h, "kernel_w": window.kernel_w,
        "dilation_h": window.dilation_h, "dilation_w": window.dilation_w, "in_zero": in_zero,
    }  # fmt: skip
    return own | window.fields()
