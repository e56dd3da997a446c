"""Ranges from observed values: what each method promises, against quantizing the values."""

from __future__ import annotations

import numpy as np
import pytest

from edgeprune.quantize.observe import Observed
from edgeprune.quantize.output_noise import in_steps
from edgeprune.quantize.quantized import Range
from edgeprune.quantize.ranges import (
    Method,
    Values,
    kl_divergence,
    least_squares,
    min_max,
    range_by,
    widened,
    worth_a_trial,
)

RNG = np.random.default_rng(0)
GAUSSIAN = RNG.normal(size=20_000)
HEAVY = RNG.standard_t(3, size=20_000)
RECTIFIED = np.maximum(HEAVY, 0)
UNIFORM = RNG.uniform(-1, 3, 20_000)


def full(values: np.ndarray) -> Range:
    return Range(float(values.min()), float(values.max()))


def true_error(values: np.ndarray, range_: Range) -> float:
    """Mean square error of quantizing to int8."""
    return float(np.square(values - in_steps(values.astype(np.float32), range_)).mean())


@pytest.mark.parametrize("values", [GAUSSIAN, HEAVY, RECTIFIED, UNIFORM], ids=["gaussian", "heavy", "relu", "uniform"])
@pytest.mark.parametrize("share", [1.0, 0.7, 0.4])
def test_the_error_of_a_range_is_what_quantizing_costs(values: np.ndarray, share: float) -> None:
    whole = full(values)
    range_ = Range(share * min(whole.low, 0.0), share * whole.high)
    told = float(Values.of(values).mean_square_error(range_.low, range_.high))
    assert told == pytest.approx(true_error(values, range_), rel=0.1)


@pytest.mark.parametrize("values", [GAUSSIAN, HEAVY, RECTIFIED, UNIFORM], ids=["gaussian", "heavy", "relu", "uniform"])
def test_least_squares_is_nearer_than_any_share_of_the_whole(values: np.ndarray) -> None:
    whole = full(values)
    low = min(whole.low, 0.0)
    least = true_error(values, least_squares(Values.of(values), low, whole.high))
    for share in np.linspace(0.3, 1, 15):
        assert least <= 1.05 * true_error(values, Range(share * low, share * whole.high))


def test_tails_are_cut_and_uniform_values_are_not() -> None:
    many = np.append(np.tile(GAUSSIAN, 20), 8.0)
    cut = least_squares(Values.of(many), many.min(), 8.0)
    assert 3.5 < cut.high < 6 and cut.low < -3.5
    kept = least_squares(Values.of(UNIFORM), -1.0, 3.0)
    assert kept.low < -0.97 and kept.high > 2.93


def test_kl_leaves_out_one_far_value_and_keeps_what_is_even() -> None:
    values = np.append(GAUSSIAN, 40.0)
    limit = kl_divergence(np.sort(values), float(values.min()), 40.0)
    assert 2.5 < limit.high < 12
    even = kl_divergence(np.sort(UNIFORM), -1.0, 3.0)
    assert even.high > 2.6 and even.low == -1.0


@pytest.mark.parametrize(("method", "most"), [(Method.PERCENTILE_99_99, 2), (Method.PERCENTILE_99_999, 0)])
def test_percentiles_leave_that_share_outside_at_either_end(method: Method, most: int) -> None:
    cut = range_by(method, Values.of(HEAVY), full(HEAVY))
    assert np.count_nonzero(cut.high < HEAVY) == most
    assert np.count_nonzero(cut.low > HEAVY) == most


def test_every_range_holds_zero() -> None:
    values = RNG.uniform(2, 3, 1000)
    for method in Method:
        assert range_by(method, Values.of(values), Range(2.0, 3.0)).low <= 0


def test_only_what_costs_less_on_the_values_is_tried() -> None:
    for values in (GAUSSIAN, HEAVY, RECTIFIED, UNIFORM):
        known = Values.of(values)
        tried = worth_a_trial(known, full(values))
        assert tried[:2] == [Method.MIN_MAX, Method.HEADROOM]
        most = true_error(values, full(values))
        assert all(true_error(values, range_by(one, known, full(values))) < 1.05 * most for one in tried[2:])
    assert len(worth_a_trial(Values.of(HEAVY), full(HEAVY))) > 2
    assert worth_a_trial(Values.of(np.array([-1.0, 1.0])), Range(-1, 1)) == [Method.MIN_MAX, Method.HEADROOM]


def test_values_far_beyond_all_others_get_a_trial_without_them() -> None:
    values = np.append(np.linspace(0.5, 2.0, 100), 1e12)
    known, whole = Values.of(values), full(values)
    assert Method.WITHOUT_FAR in worth_a_trial(known, whole)
    assert range_by(Method.WITHOUT_FAR, known, whole) == Range(0.0, 2.0)
    assert range_by(Method.WITHOUT_FAR, Values.of(-values), full(-values)) == Range(-2.0, 0.0)
    nearer = np.append(values[:-1], 100.0)
    assert Method.WITHOUT_FAR not in worth_a_trial(Values.of(nearer), full(nearer))
    assert range_by(Method.WITHOUT_FAR, Values.of(nearer), full(nearer)) == Range(0.0, 100.0)


def test_a_far_value_does_not_widen_other_activations() -> None:
    def one(values: np.ndarray) -> Observed:
        return Observed(values.min(keepdims=True), values.max(keepdims=True), values[:, None], np.abs(values)[:, None])

    ranges = min_max({0: one(np.append(np.ones(9), 1e12)), 1: one(np.linspace(0.0, 0.01, 9))})
    assert ranges == {0: Range(1.0, 1e12), 1: Range(0.0, 0.01)}


def test_min_max_is_over_all_channels_and_nothing_is_next_to_nothing() -> None:
    def one(low: list[float], high: list[float]) -> Observed:
        return Observed(np.array(low), np.array(high), np.array([low, high]), np.zeros((1, 2)))

    ranges = min_max({0: one([-1, 0], [2, 5]), 1: one([0, 0], [0, 0])})
    assert ranges[0] == Range(-1, 5)
    assert ranges[1] == Range(0, 5 / 256)
    assert widened({0: Range(0, 1), 1: Range(-1e-3, 0)}, 1.0) == {0: Range(0, 1), 1: Range(-1e-3, 0)}
