"""Ranges an activation may have, from what was observed of it: a narrower one has finer steps and clips more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from edgeprune.ir import Graph
from edgeprune.quantize.observe import Observed
from edgeprune.quantize.quantized import Range

_SILENT = 2.0**-20  # of the largest activation: no value worth a scale
_LEAST = 2.0**-8  # of it: the range instead
_STEPS = 255
_SHARES = np.linspace(1.0, 0.3, 71)  # of minimum and maximum that `least_squares` tries
_BINS = 2048
_KL_LEVELS = 128
_HEADROOM = 1.1
_FAR = 128  # times the median: where minimum and maximum hold such values, most others are one step


class Method(StrEnum):
    MIN_MAX = "min/max"
    HEADROOM = "min/max + 10 %"  # where few values were seen, others reach farther
    WITHOUT_FAR = "without far values"  # a reciprocal's at zero, which what it is multiplied with makes zero again
    PERCENTILE_99_99 = "99.99 %"
    PERCENTILE_99_999 = "99.999 %"
    LEAST_SQUARES = "MSE"
    KL_DIVERGENCE = "KL"


_NARROWER = (Method.PERCENTILE_99_99, Method.PERCENTILE_99_999, Method.LEAST_SQUARES, Method.KL_DIVERGENCE)


def min_max(observed: Mapping[int, Observed]) -> dict[int, Range]:
    """The plain minimum and maximum.

    Activations that are zero for every sample get a range as well: any scale holds zero, but with one next to nothing
    the bias of the layer that reads them leaves int32.
    """
    largest = max((usual_reach(one.rows) for one in observed.values()), default=0.0)
    return widened(
        {index: Range(float(one.low.min()), float(one.high.max())) for index, one in observed.items()}, largest
    )


def usual_reach(values: np.ndarray) -> float:
    """The largest absolute value that is not far beyond the others."""
    sizes = np.abs(values)
    return float(sizes[sizes <= _far(values)].max(initial=0.0))


def _far(values: np.ndarray) -> float:
    """The absolute value from which one is far beyond the median of those that are not zero."""
    sizes = np.abs(values[values != 0])
    return _FAR * float(np.median(sizes)) if sizes.size else 0.0


def widened(ranges: Mapping[int, Range], largest: float) -> dict[int, Range]:
    """Ranges of next to nothing beside the largest absolute value of any, widened."""
    reaches = {index: max(abs(one.low), abs(one.high)) for index, one in ranges.items()}
    return {
        index: replace(one, high=_LEAST * largest) if reaches[index] < _SILENT * largest else one
        for index, one in ranges.items()
    }


def with_shared_outputs(graph: Graph, ranges: Mapping[int, Range]) -> dict[int, Range]:
    """One range for all outputs: the answer of an early exit stands in the place of the network's own."""
    joined = ranges[graph.outputs[0]]
    for index in graph.outputs[1:]:
        joined = joined.joined(ranges[index])
    return {**ranges, **dict.fromkeys(graph.outputs, joined)}


@dataclass(frozen=True, eq=False)
class Values:
    """Values of one activation, sorted, with the sums that give a range's error without a pass over them."""

    ordered: np.ndarray
    sums: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Values:
        ordered = np.sort(values.reshape(-1).astype(np.float64))
        return cls(ordered, np.append(0.0, ordered.cumsum()), np.append(0.0, np.square(ordered).cumsum()))

    def mean_square_error(self, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
        """Of quantizing to int8 with these ranges: what is clipped, and uniform noise for the rest but exact zeros."""
        low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
        count = len(self.ordered)
        below, above = np.searchsorted(self.ordered, low), np.searchsorted(self.ordered, high, "right")
        zeros = np.searchsorted(self.ordered, 0.0, "right") - np.searchsorted(self.ordered, 0.0)
        under = self.squares[below] - 2 * low * self.sums[below] + below * low**2
        over = self.squares[-1] - self.squares[above] - 2 * high * (self.sums[-1] - self.sums[above])
        rounded = np.maximum(above - below - zeros, 0) * ((high - low) / _STEPS) ** 2 / 12
        error: np.ndarray = (under + over + (count - above) * high**2 + rounded) / count
        return error


def range_by(method: Method, values: Values, full: Range) -> Range:
    """The range a method gives.

    Args:
        values: drawn from the activation.
        full: its minimum and maximum.
    """
    low, high = min(full.low, 0.0), max(full.high, 0.0)
    if method is Method.MIN_MAX:
        return Range(low, high)
    if method is Method.HEADROOM:
        return Range(low * _HEADROOM, high * _HEADROOM)
    if method is Method.WITHOUT_FAR:
        reach = usual_reach(values.ordered)
        return Range(max(low, -reach), min(high, reach)) if holds_far(values, full) else Range(low, high)
    if method is Method.LEAST_SQUARES:
        return least_squares(values, low, high)
    if method is Method.KL_DIVERGENCE:
        return kl_divergence(values.ordered, low, high)
    cut = _percentile(values.ordered, 0.9999 if method is Method.PERCENTILE_99_99 else 0.99999)
    return Range(max(cut.low, low), min(cut.high, high))


def holds_far(values: Values, full: Range) -> bool:
    """Whether its minimum and maximum leave most values one step."""
    return max(-full.low, full.high) > _far(values.ordered) > 0.0


def worth_a_trial(values: Values, full: Range) -> list[Method]:
    """Methods that give another range and, where it is narrower, a smaller error on `values`; the plain one first."""
    plain = (Method.MIN_MAX, Method.HEADROOM, *([Method.WITHOUT_FAR] if holds_far(values, full) else []))
    chosen = {range_by(method, values, full): method for method in plain}
    most = float(values.mean_square_error(min(full.low, 0.0), max(full.high, 0.0)))
    for method in _NARROWER:
        one = range_by(method, values, full)
        if values.mean_square_error(one.low, one.high) < most:
            chosen.setdefault(one, method)
    return list(chosen.values())


def _percentile(ordered: np.ndarray, share: float) -> Range:
    """All but the same number of values at either end."""
    cut = round(len(ordered) * (1 - share))
    return Range(min(float(ordered[cut]), 0.0), max(float(ordered[-1 - cut]), 0.0))


def least_squares(values: Values, low: float, high: float) -> Range:
    """The shares of both ends with the least mean square error."""
    lows, highs = low * (_SHARES if low < 0 else _SHARES[:1]), high * (_SHARES if high > 0 else _SHARES[:1])
    errors = values.mean_square_error(lows[:, None], highs[None, :])
    best_low, best_high = np.unravel_index(int(errors.argmin()), errors.shape)
    return Range(float(lows[best_low]), float(highs[best_high]))


def kl_divergence(ordered: np.ndarray, low: float, high: float) -> Range:
    """The reach, both ways alike, whose quantized histogram of absolute values tells least from the true one.

    Migacz, "8-bit Inference with TensorRT", GTC 2017.
    """
    reach = max(-low, high)
    counts = np.histogram(np.abs(ordered), _BINS, (0.0, max(reach, 1e-30)))[0].astype(np.float64)
    counts[0] = 0  # mostly exact zeros, which every range holds
    best, best_bins = np.inf, _BINS
    for bins in range(_KL_LEVELS, _BINS + 1, _KL_LEVELS):
        divergence = _divergence(counts, bins)
        if divergence < best:
            best, best_bins = divergence, bins
    limit = reach * best_bins / _BINS
    return Range(max(low, -limit), min(high, limit))


def _divergence(counts: np.ndarray, bins: int) -> float:
    """Of the first `bins` with all beyond in the last one, from themselves in 128 levels.

    Bins that only the former fill count as half a value in the latter: one far value must not forbid every cut.
    """
    true = counts[:bins].copy()
    merged = true.reshape(_KL_LEVELS, -1)
    filled = merged > 0
    level = merged.sum(axis=1, keepdims=True) / np.maximum(filled.sum(axis=1, keepdims=True), 1)
    model = np.where(filled, level, 0.0).reshape(-1)
    true[-1] += counts[bins:].sum()
    filled_bins = true > 0
    if not filled_bins.any():
        return np.inf
    share, shown = true[filled_bins], np.maximum(model[filled_bins], 0.5)
    share, shown = share / share.sum(), shown / shown.sum()
    return float((share * np.log(share / shown)).sum())
