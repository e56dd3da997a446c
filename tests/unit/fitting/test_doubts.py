"""What is said beside a verdict: each kind of doubt, and silence where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeprune.budget import Budget, Footprint, LatencyBasis
from edgeprune.fitting.doubts import doubts, doubts_of_drop, why_unjudged
from edgeprune.fitting.record import Accuracy
from edgeprune.train.metrics import METRICS, Metric
from edgeprune.train.splits import Split, make_splits


def footprint(flash_bytes: int, arena_bytes: int = 1000) -> Footprint:
    return Footprint({"all": flash_bytes}, {"arena": arena_bytes, "stack": 100}, "layer", 10)


def accuracy(float_points: float, int8_points: float) -> Accuracy:
    return Accuracy(
        metric="accuracy", float_before=float_points, float=float_points, int8=int8_points, int8_samples=100,
        device=int8_points, device_samples=10,
    )  # fmt: skip


def calibration(largest: float) -> Split:
    inputs = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    inputs[:, 3] *= largest
    return make_splits({"train": (inputs, np.arange(60) % 2)}, (5,)).calibration


def found(
    points: tuple[float, float] = (90, 90),
    sqnr_db: float = 40,
    flash: tuple[int, int] = (50_000, 50_000),
    largest: float = 1,
) -> tuple[str, ...]:
    footprints = (footprint(flash[0]), footprint(flash[1]))
    return doubts(accuracy(*points), METRICS["accuracy"], calibration(largest), sqnr_db, footprints)


def test_nothing_is_said_of_a_fit_without_doubts() -> None:
    assert found() == ()


def test_a_drop_by_int8_names_its_cause_where_it_can() -> None:
    (drop,) = found(points=(79.4, 36.1))
    assert "int8 loses 43.30 points of accuracy: 79.40 as float32, 36.10" in drop
    _, cause = found(points=(92.0, 29.7), largest=10_000)
    assert "feature 3 of the input" in cause and "mean and std" in cause


def test_noise_is_no_line_in_passing() -> None:
    assert "10.6 dB above their quantization noise" in found(sqnr_db=10.6)[0]


@pytest.mark.parametrize(
    ("flash", "said"),
    [
        ((50_000, 50_256), 0), ((50_000, 50_257), 1), ((50_257, 50_000), 1), ((990, 1_000), 0), ((989, 1_000), 1),
        ((1_010, 1_000), 0), ((1_011, 1_000), 1),
    ],
)  # fmt: skip
def test_predictions_that_missed_are_reported(flash: tuple[int, int], said: int) -> None:
    """By more than 256 B or more than a hundredth of what is linked."""
    assert len(found(flash=flash)) == said


def test_an_arena_that_missed_is_reported_by_its_name() -> None:
    footprints = (footprint(9_000, arena_bytes=360), footprint(9_000, arena_bytes=512))
    (said,) = doubts(accuracy(90, 90), METRICS["accuracy"], calibration(1), None, footprints)
    assert said.startswith("arena was predicted as 360 B and is 512 B")


def test_the_bounds_themselves_are_usual() -> None:
    assert found(points=(90.0, 88.0)) == () and len(found(points=(90.0, 87.99))) == 1
    assert found(sqnr_db=20.0) == () and len(found(sqnr_db=19.99)) == 1


@pytest.mark.parametrize(("largest", "named"), [(999.0, False), (1000.0, True)])
def test_a_feature_is_named_from_a_thousand_times_the_others_on(largest: float, named: bool) -> None:
    inputs = np.ones((60, 4), np.float32)
    inputs[:, 1] = largest
    split = make_splits({"train": (inputs, np.arange(60) % 2)}, (4,)).calibration
    footprints = (footprint(9_000), footprint(9_000))
    said = doubts(accuracy(90, 80), METRICS["accuracy"], split, None, footprints)
    assert any("feature 1 of the input reaches" in line for line in said) is named


@pytest.mark.parametrize("at", [0, 1])
def test_of_two_features_the_other_one_is_the_others(at: int) -> None:
    inputs = np.ones((60, 2), np.float32)
    inputs[:, at] = 5_000
    split = make_splits({"train": (inputs, np.arange(60) % 2)}, (2,)).calibration
    said = doubts(accuracy(90, 80), METRICS["accuracy"], split, None, (footprint(9_000), footprint(9_000)))
    assert any(f"feature {at} of the input reaches 5000, the others about 1" in line for line in said)


def test_a_single_feature_has_no_others() -> None:
    split = make_splits({"train": (np.ones((60, 1), np.float32), np.arange(60) % 2)}, (1,)).calibration
    footprints = (footprint(9_000), footprint(9_000))
    assert len(doubts(accuracy(90, 80), METRICS["accuracy"], split, None, footprints)) == 1


def test_a_limit_that_could_not_be_judged_does_not_hold() -> None:
    budget = Budget(100_000, 10_000, latency_us=1.0)
    unknown = footprint(50_000)
    assert unknown.unjudged(budget) == ("latency",)
    assert not unknown.fits(budget) and not unknown.exceeds(budget)
    assert unknown.fits(Budget(100_000, 10_000))


def timed(us: float, basis: LatencyBasis = LatencyBasis.BLOCKS, is_floor: bool = False) -> Footprint:
    is_exact = basis in (LatencyBasis.INSTRUCTIONS, LatencyBasis.DEVICE)
    return replace(
        footprint(9_000), latency_us=us, latency_basis=basis, latency_is_floor=is_floor,
        latency_range_us=None if is_exact else (0.95 * us, 1.1 * us),
    )  # fmt: skip


BUDGET = Budget(100_000, 10_000, latency_us=20_000)


@pytest.mark.parametrize(
    ("after", "fits"),
    [
        (timed(18_000), True), (timed(18_182), False), (timed(19_000), False), (timed(20_001), False),
        (timed(20_000, LatencyBasis.DEVICE), True), (timed(20_001, LatencyBasis.DEVICE), False),
    ],
)  # fmt: skip
def test_a_limit_is_held_where_the_error_of_the_prediction_leaves_no_doubt(after: Footprint, fits: bool) -> None:
    assert after.fits(BUDGET) is fits and after.exceeds(BUDGET) is not fits
    assert why_unjudged(after, BUDGET, "cortex-m4") == []
    assert after.fits(replace(BUDGET, latency_us=None))


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (timed(10.0, LatencyBasis.INSTRUCTIONS), "no time is predicted of the cortex-m55 here, only instructions"),
        (replace(timed(10.0, is_floor=True), latency_range_us=None), "are off by on this board is not known"),
        (timed(10.0, is_floor=True), "waits for flash are not in the predicted time"),
        (timed(10.0, LatencyBasis.ROOFLINE, is_floor=True), "the profile's roofline"),
        (footprint(9_000), "nobody measured its time"),
    ],
)
def test_what_predicts_no_time_holds_no_limit(after: Footprint, why: str) -> None:
    assert not after.fits(BUDGET) and not after.exceeds(BUDGET)
    (said,) = why_unjudged(after, BUDGET, "cortex-m55")
    assert said.startswith("a latency of 20.000 ms is not judged: ") and why in said
    assert why_unjudged(after, replace(BUDGET, latency_us=None), "cortex-m55") == []


def test_a_limit_that_is_known_to_be_broken_is_not_open() -> None:
    for broken in (timed(30_000, LatencyBasis.INSTRUCTIONS), timed(30_000, is_floor=True)):
        assert broken.exceeds(BUDGET) and why_unjudged(broken, BUDGET, "cortex-m55") == []


@pytest.mark.parametrize(
    ("metric", "before", "may_lose", "said"),
    [
        (replace(METRICS["mse"], least_error=0.02), 1e-9, 100.0, "mse of 1e-09 is next to none: growth is counted in"),
        (replace(METRICS["mse"], least_error=0.02), 0.02, 100.0, ""),
        (METRICS["accuracy"], 9.0, 10.0, ""),
        (Metric("m.py:f1", METRICS["f1"].score), 0.93, 10.0, "10 points of m.py:f1 may be lost and the original has"),
        (Metric("m.py:f1", METRICS["f1"].score), 93.0, 10.0, ""),
        (Metric("m.py:minus", METRICS["f1"].score), -0.5, 10.0, ""),
        (Metric("m.py:f1", METRICS["f1"].score), 0.93, None, ""),
    ],
)
def test_what_a_drop_is_counted_by(metric: Metric, before: float, may_lose: float | None, said: str) -> None:
    scores = accuracy(before, before).model_copy(update={"metric": metric.name})
    found = doubts_of_drop(scores, metric, may_lose)
    assert len(found) == (said != "") and said in "".join(found)
