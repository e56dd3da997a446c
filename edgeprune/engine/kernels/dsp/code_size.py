"""Bytes of machine code of the functions generated for a layer, counted as `firmware/include/dsp` writes them.

They are assembler from end to end, so their instructions are known: two bytes (`_N`) where a narrow Thumb encoding
takes the operands, four (`_W`) else. tests/unit/engine/cost/test_code_size.py compares the sums with the compiler's.
"""

from __future__ import annotations

from edgeprune.engine.kernels.dsp.unroll import Unroll

_N, _W = 2, 4
_FAR_BYTES = 4095  # a store reaches no further
_RETURN = _N + _W + _N  # add sp, pop, bx

# include/dsp/tile.h
_TILE_HALF = _N + 7 * _W  # ldmia; three smlad, sxtb16, three smlad
_TILE_STEP = _N + 2 * _TILE_HALF
_TILE_STEPS_LOOPED = 2 * _N + _W  # ldr, cmp, bne
_TILE_TWO = _N + _W + 6 * 2 * _W  # ldmia twice; smmla and ssat of each sum
_TILE_EXACT = 2 * _N + _W + 6 * 5 * _W  # ldmia three times; add, shift, smmlar, asr and ssat of each sum
_TILE_PAIR = (
    _W + 3 * _W  # ldrd of the biases, sub of the low sums
    + 6 * _W + 2 * _N + _W  # stores; cmp, str, bne
)  # fmt: skip
_TILE_ENTRY = 3 * _W + _N  # addw, movw, push; add
_TILE_ODD = 2 * _N  # it, sub

# include/dsp/depthwise3x3.h
_DEPTHWISE_ENTRY = 10 * _W + 2 * _N + 6 * _W + _N  # push to the constants' strd and str; sxtb16 of the weights; ldr
_DEPTHWISE_ROW = 3 * _W + _N  # addw, ldr, bne; cmp
_DEPTHWISE_ROW_STEP = 2 * _W + 2 * _N  # movw, str; add, ldr
_DEPTHWISE_PAIR = {1: 15 * _W, 2: 18 * _W}  # by stride: three rows of ldrd, with stride 2 ldr, and four products
_DEPTHWISE_ALONE = 9 * _W  # three rows of ldrd and two products
_DEPTHWISE_LOOPS = 5 * _W  # movw, str; ldr, subs, bne
_DEPTHWISE_TWO = (_W, 2 * _W)  # of all sums: ldrd; of each: smmla, ssat
_DEPTHWISE_EXACT = (0, 7 * _W)  # of each: ldrd, ldr, add, lsl, smmlar, asr, ssat

# include/dsp/winograd.h
_POINTS_PAIR = _W + 2 * _N + 8 * _W  # ldrd, ldmia twice, eight smlad
_POINTS_LOOPS = 3 * _N + 2 * _W  # push, pop, subs; movw, bne
_POINTS = (
    2 * _W  # addw, push
    + 2 * _N + 2 * _W  # of each point: ldr, str; add, ldmia
    + 3 * _W + 2 * _N  # ldrd, stmia, bne; cmp, str
    + _RETURN + _N  # mov of the stream returned
)  # fmt: skip


def tile_two_bytes(rolled: Unroll, odd: bool) -> int:
    """EP_TILE_TWO of include/dsp/tile.h; `odd`: number of channels."""
    return _tile(rolled, odd) + _TILE_TWO


def tile_exact_bytes(rolled: Unroll, low: int, high: int, odd: bool) -> int:
    """EP_TILE_EXACT of include/dsp/tile.h; `odd`: number of channels."""
    return _tile(rolled, odd) + _TILE_EXACT + 6 * _clamp(low, high)


def _tile(rolled: Unroll, odd: bool) -> int:
    steps = _TILE_STEP * (rolled.head + rolled.chunk) + (_TILE_STEPS_LOOPED if rolled.loops else 0)
    return _TILE_ENTRY + steps + _TILE_PAIR + _TILE_ODD * odd + _RETURN


def _clamp(low: int, high: int) -> int:
    """EP_CLAMPED: cmp, it and a move for each end that is narrower than int8's."""
    return (2 * _W + _N) * ((low > -128) + (high < 127))


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
    load, finish = _DEPTHWISE_TWO if limits is None else _DEPTHWISE_EXACT
    finish += 0 if limits is None else _clamp(*limits)
    at = total = 0

    def move_out() -> int:
        """EP_DEPTHWISE_MOVE_OUT: addw, or movw and add where it is too far for one."""
        nonlocal at
        far, at = at, 0
        return _W + _N if far > _FAR_BYTES else _W if far > 0 else 0

    def pairs(count: int) -> int:
        nonlocal at
        size = 0
        for _ in range(count):
            size += _DEPTHWISE_PAIR[stride] + load + 2 * finish + 2 * _W  # two stores
            if at + step > _FAR_BYTES:
                size += move_out()
            at += 2 * step
        return size

    total += pairs(rolled.head)
    if rolled.loops:
        total += move_out() + pairs(rolled.chunk)
        total += move_out() + _DEPTHWISE_LOOPS
    if odd:
        total += _DEPTHWISE_ALONE + load + finish + _W  # a store
        if at > _FAR_BYTES:
            total += move_out()
        at += step
    outputs = 2 * (rolled.head + rolled.loops * rolled.chunk) + odd
    total += _DEPTHWISE_ROW_STEP if row_step != step * outputs else move_out()
    return _DEPTHWISE_ENTRY + total + _DEPTHWISE_ROW + _RETURN


def points_bytes(rolled: Unroll) -> int:
    """EP_WINOGRAD_POINTS of include/dsp/winograd.h."""
    return _POINTS + _POINTS_PAIR * (rolled.head + rolled.chunk) + (_POINTS_LOOPS if rolled.loops else 0)
