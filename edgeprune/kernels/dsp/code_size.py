"""Bytes of machine code of the functions generated for a layer, counted as `firmware/include/dsp` writes them.

They are assembler from end to end, so the count is the compiler's; tests/unit/cost/test_code_size.py holds it to that.
"""

from __future__ import annotations

from edgeprune.kernels.dsp.unroll import Unroll

_FAR_BYTES = 4095  # a store reaches no further


def tile_two_bytes(rolled: Unroll, odd: bool) -> int:
    """EP_TILE_TWO of include/dsp/tile.h; `odd`: number of channels."""
    return 124 + 4 * odd + _steps(rolled)


def tile_exact_bytes(rolled: Unroll, low: int, high: int, odd: bool) -> int:
    """EP_TILE_EXACT of include/dsp/tile.h; `odd`: number of channels."""
    return 198 + 4 * odd + _steps(rolled) + 6 * _clamp(low, high)


def _steps(rolled: Unroll) -> int:
    return 62 * (rolled.head + rolled.chunk) + (8 if rolled.loops else 0)


def _clamp(low: int, high: int) -> int:
    """Of one sum, to an activation's range."""
    return 10 * (low > -128) + 10 * (high < 127)


def depthwise_bytes(
    rolled: Unroll, stride: int, odd: bool, step: int, row_step: int, limits: tuple[int, int] | None
) -> int:
    """EP_DEPTHWISE_TWO, or with `limits` EP_DEPTHWISE_EXACT, of include/dsp/depthwise3x3.h.

    Args:
        rolled: pairs of outputs in a row.
        stride: 1 or 2.
        odd: a single output ends the row.
        step, row_step: bytes between neighbouring outputs, along and across the rows.
        limits: the activation's clamp.
    """
    load, finish = (4, 8) if limits is None else (0, 28 + _clamp(*limits))
    at = total = 0

    def move_out() -> int:
        nonlocal at
        far, at = at, 0
        return 6 if far > _FAR_BYTES else 4 if far > 0 else 0

    def pairs(count: int) -> int:
        nonlocal at
        size = 0
        for _ in range(count):
            size += {1: 60, 2: 72}[stride] + load + 2 * finish + 8
            if at + step > _FAR_BYTES:
                size += move_out()
            at += 2 * step
        return size

    total += pairs(rolled.head)
    if rolled.loops:
        total += move_out() + 4 + 4 + pairs(rolled.chunk)
        total += move_out() + 4 + 4 + 4
    if odd:
        total += 36 + load + finish + 4
        if at > _FAR_BYTES:
            total += move_out()
        at += step
    outputs = 2 * (rolled.head + rolled.loops * rolled.chunk) + odd
    total += 10 + 2 if row_step != step * outputs else move_out()
    return 92 + total


def points_bytes(rolled: Unroll) -> int:
    """EP_WINOGRAD_POINTS of include/dsp/winograd.h."""
    return 46 + 40 * (rolled.head + rolled.chunk) + (14 if rolled.loops else 0)
