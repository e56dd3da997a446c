"""FULLY_CONNECTED over int16 activations (`firmware/include/dsp/dense_int16.h`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import frexp

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.dsp.tiles16 import INT32, biases, largest_sums, row_words
from edgeprune.engine.kernels.linear.dense import Dense, read_dense
from edgeprune.engine.kernels.linear.dense16 import plain_dense16
from edgeprune.engine.kernels.linear.single_rounding import first_reaching
from edgeprune.engine.kernels.operands import params, table
from edgeprune.engine.kernels.requant import activation_range
from edgeprune.engine.kernels.scaling import Int64s
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op

_ROWS = 6
_FRACTION_BITS = 63
_NUDGES = (
    1,
    0,
    128,
    256,
    512,
    1024,
)  # of a factor of 63 bits, so that halves and what float64 takes for them go away from 0

Pair = tuple[int, int]


def candidate(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall | None:
    """Dense layers whose sums stay inside int32, with factors proved to give every step."""
    layer = read_dense(graph, op)
    if layer.weights.data is None or layer.weights.qparams is None:
        return _dense_call(layer, None)
    plain_dense16(graph, layer)  # refuses what LiteRT leaves undefined
    reach = largest_sums(layer.integer_rows, biases(layer.bias, layer.out_len))
    if int(reach.max()) > INT32:
        return None
    low, high = activation_range(op.activation, layer.output)
    real = np.broadcast_to(layer.real_factors, layer.out_len)
    each = reach if len(layer.real_factors) > 1 else np.broadcast_to(reach.max(), layer.out_len)
    found = [wide_factor(one, most, low, high) for one, most in zip(real.tolist(), each.tolist(), strict=True)]
    solved = [pair for pair in found if pair is not None]
    return _dense_call(layer, solved) if len(solved) == len(found) else None


@lru_cache(maxsize=4096)
def wide_factor(real: float, reach: int, low: int, high: int) -> Pair | None:
    """(factor, shift): (sum * factor + 2^(shift - 1)) >> shift gives LiteRT's rounded float64 product for every sum.

    Proved on both sides of every step from `low` to `high`; sums beyond those are clamped.

    Args:
        reach: the largest magnitude of a sum, inside int32.
    """
    fraction, exponent = frexp(real)
    shift = _FRACTION_BITS - exponent
    if not 65 <= shift <= 94 or real <= 0.0:
        return None
    value = np.arange(low + 1, high + 1, dtype=np.int64)
    first = first_reaching(value, np.array(real), np.array(-reach), np.array(reach))

    def reaches(acc: Int64s, factor: int) -> np.ndarray:
        rest = (acc * (factor & 0xFFFFFFFF)) >> 32
        return np.asarray((acc * (factor >> 32) + rest + (1 << (shift - 33))) >> (shift - 32) >= value)

    for nudge in _NUDGES:
        factor = int(fraction * (1 << _FRACTION_BITS)) + nudge
        if factor >= (1 << _FRACTION_BITS) - (1 << 31):
            continue
        good = reaches(first, factor) | (first > reach)
        good &= ~reaches(first - 1, factor) | (first <= -reach)
        if good.all():
            return factor, shift
    return None


def _split(factor: int) -> Pair:
    """(high, low) with factor = high * 2^32 + low, both int32."""
    high = (factor + (1 << 31)) >> 32
    return high, factor - (high << 32)


def _dense_call(layer: Dense, found: list[Pair] | None) -> KernelCall:
    op, count = layer.op, layer.out_len
    filled = -(-count // _ROWS) * _ROWS
    bias = np.pad(biases(layer.bias, count), (0, filled - count))

    def part(of: Callable[[Pair], int], dtype: type) -> Callable[[], np.ndarray] | None:
        return None if found is None else lambda: np.array([of(pair) for pair in found], dtype)

    def definitions(s: Symbols) -> str:
        low, high = activation_range(op.activation, layer.output)
        fields: dict[str, object] = {role: s.constant(role) for role in ("weights", "bias", "high", "low", "shift")}
        fields |= {"rows": layer.rows, "in_len": layer.in_len, "out_len": count, "out_min": low, "out_max": high}
        return params(s, "ep_dense_int16_dsp_t", fields)

    odd = layer.in_len % 2
    scratch: Callable[[Symbols], str] = (lambda s: s.scratch()) if odd else (lambda s: "NULL")
    return KernelCall(
        function="ep_dense_int16_dsp",
        emit=lambda s: f"ep_dense_int16_dsp(&{s.layer}_params, {s.input(0)}, {s.output(0)}, {scratch(s)});",
        sources=("dsp/dense_int16.c", "dsp/tiles16.c"),
        headers=("dsp/dense_int16.h",),
        constants=(
            row_words("weights", None if found is None else layer.integer_rows, _ROWS, count, layer.in_len),
            table("bias", "int32_t", filled, None if found is None else lambda: bias.astype(np.int32)),
            table("high", "int32_t", count, part(lambda pair: _split(pair[0])[0], np.int32)),
            table("low", "int32_t", count, part(lambda pair: _split(pair[0])[1], np.int32)),
            table("shift", "int8_t", count, part(lambda pair: pair[1] - 64, np.int8)),
        ),
        scratch_bytes=2 * (layer.in_len + 1) if odd else 0,
        overlaps=(layer.row_overlap,),
        work=Work(macs=layer.macs, outputs=layer.rows * count),
        definitions=definitions,
    )
