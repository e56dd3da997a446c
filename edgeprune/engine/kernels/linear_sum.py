"""ADD and SUB of equal shapes in two multiplications: constants proved over all pairs of inputs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgeprune.engine.kernels.base import KernelCall, Symbols, Work
from edgeprune.engine.kernels.operands import operand, params
from edgeprune.engine.kernels.pointwise.add import LEFT_SHIFT, add_fields
from edgeprune.engine.kernels.pointwise.elementwise import Pair, in_place, read_pair
from edgeprune.ir import DType, Graph, Op

_FRACTION_BITS = (22, 20)  # more come nearer to LiteRT's roundings, but leave less room for the sum
_NEIGHBOURS = range(-2, 3)
_FACTOR_MAX = 1 << 24  # times an int8 value, that is int32's end

Int64s = NDArray[np.int64]


@dataclass(frozen=True)
class _Linear:
    """Constants of `firmware/include/dsp/add.h`."""

    factor1: int
    factor2: int
    offset: int
    fraction_bits: int


def linear_sum(graph: Graph, op: Op, folder: str) -> KernelCall | None:
    """The call of `ep_add_<folder>`, its header states what it computes; None where no factors give LiteRT's bytes."""
    pair = read_pair(graph, op, DType.INT8)
    if not pair.a.shape == pair.b.shape == pair.output.shape:
        return None
    scales_known = all(tensor.qparams is not None for tensor in (pair.a, pair.b, pair.output))
    linear = _solve(_fields(op, pair)) if scales_known else _Linear(0, 0, 0, 0)
    if linear is None:
        return None
    in1, in2 = operand(graph, op, 0), operand(graph, op, 1)

    def definitions(s: Symbols) -> str:
        fields = {"count": pair.output.element_count, "factor1": linear.factor1, "factor2": linear.factor2}
        fields |= {"offset": linear.offset, "fraction_bits": linear.fraction_bits}
        return params(s, f"ep_add_{folder}_t", fields)

    return KernelCall(
        function=f"ep_add_{folder}",
        emit=lambda s: f"ep_add_{folder}(&{s.layer}_params, {in1.expression(s)}, {in2.expression(s)}, {s.output(0)});",
        sources=(f"{folder}/add.c",),
        headers=(f"{folder}/add.h",),
        constants=(*in1.constants, *in2.constants),
        overlaps=in_place(graph, op),
        work=Work(outputs=pair.output.element_count),
        definitions=definitions,
    )


def is_linear(graph: Graph, op: Op) -> bool:
    """Whether `linear_sum` has a call for it; True as well where no scales could be found, since the range is clamped.

    Args:
        graph: int8, inputs and output of one shape.
    """
    pair = read_pair(graph, op, DType.INT8)
    return _is_clamped(_fields(op, pair)) or _solve(_fields(op, pair)) is not None


def _is_clamped(scales: tuple[tuple[str, int], ...]) -> bool:
    fields = dict(scales)
    return (fields["out_min"], fields["out_max"]) != (-128, 127)


def _fields(op: Op, pair: Pair) -> tuple[tuple[str, int], ...]:
    fields = add_fields(op, pair.a, pair.b, pair.output)
    return tuple((name, int(str(value))) for name, value in fields.items())


@lru_cache(maxsize=256)
def _solve(scales: tuple[tuple[str, int], ...]) -> _Linear | None:
    """Factors near the real ones for which some offset reproduces LiteRT for every pair of int8 inputs.

    Thousands of candidate widths of one network share the same few scales.
    """
    if _is_clamped(scales):
        return None
    fields = dict(scales)
    wanted = _reference(fields)
    order = np.argsort(wanted, axis=None, kind="stable")
    ends = np.searchsorted(wanted.reshape(-1)[order], np.arange(-127, 128))  # how many pairs give less than v
    solutions = (_solve_at(bits, fields, order, ends) for bits in _FRACTION_BITS)
    return next((linear for linear in solutions if linear is not None), None)


def _solve_at(
    fraction_bits: int, fields: dict[str, int], order: NDArray[np.intp], ends: NDArray[np.intp]
) -> _Linear | None:
    """`_solve` with so many fraction bits; `order` sorts the pairs of inputs by the wanted output."""
    unit = 2.0 ** (LEFT_SHIFT + fraction_bits) * _real(fields, "out")
    near = [round(_real(fields, side) * unit) for side in ("in1", "in2")]
    if max(map(abs, near)) >= _FACTOR_MAX:
        return None
    values = np.arange(-128, 128, dtype=np.int64)
    for one in sorted(_NEIGHBOURS, key=abs):
        for two in sorted(_NEIGHBOURS, key=abs):
            factor1, factor2 = near[0] + one, near[1] + two
            sums = values[:, None] * factor1 + values[None, :] * factor2
            offset = _offset(sums.reshape(-1)[order], ends, fraction_bits)
            if offset is not None and _fits(sums + offset, values * factor1, values * factor2 + offset):
                return _Linear(factor1, factor2, offset, fraction_bits)
    return None


def _fits(*terms: Int64s) -> bool:
    return all(bool(np.abs(term).max() < 1 << 31) for term in terms)


def _offset(sums: Int64s, ends: NDArray[np.intp], fraction_bits: int) -> int | None:
    """An offset with which sums shifted down fall on the outputs they are ordered by; `ends` see `_solve`."""
    highest_below = np.maximum.accumulate(sums)
    lowest_from = np.minimum.accumulate(sums[::-1])[::-1]
    steps = np.arange(-127, 128, dtype=np.int64) << fraction_bits
    below, rest = ends > 0, ends < len(sums)
    least = (steps[rest] - lowest_from[ends[rest]]).max(initial=-(1 << 40))
    most = (steps[below] - highest_below[ends[below] - 1] - 1).min(initial=1 << 40)
    return int(most if abs(most) < 1 << 40 else least) if least <= most else None


def _real(fields: dict[str, int], side: str) -> float:
    return float(fields[f"{side}_multiplier"] * 2.0 ** (fields[f"{side}_shift"] - 31))


def _reference(fields: dict[str, int]) -> Int64s:
    """LiteRT's output for every pair of inputs, (256, 256), as ep_add.h states it."""
    values = np.arange(-128, 128, dtype=np.int64)
    sides = [_twice((values - fields[f"{side}_zero"]) << LEFT_SHIFT, fields, side) for side in ("in1", "in2")]
    sums = sides[0][:, None] + sides[1][None, :]
    return np.asarray(np.clip(_twice(sums, fields, "out") + fields["out_zero"], -128, 127), np.int64)


def _twice(x: Int64s, fields: dict[str, int], side: str) -> Int64s:
    """x times the side's factor, rounded after the multiplication and after the shift."""
    multiplier, right = fields[f"{side}_multiplier"], -fields[f"{side}_shift"]
    high = ((x << max(-right, 0)) * multiplier + (1 << 30)) >> 31
    if right <= 0:
        return np.asarray(high, np.int64)
    return np.asarray((high + (1 << (right - 1)) - (high < 0)) >> right, np.int64)
