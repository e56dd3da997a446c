"""Which criterion keeps most, and whether chance can explain the difference."""

from __future__ import annotations

import pytest

from edgeprune.budget import Footprint
from edgeprune.tasks.untrained.criteria import Kept, ranked
from edgeprune.train.metrics import METRICS

ACCURACY, ERROR = METRICS["accuracy"], METRICS["mae"]


def kept(name: str, *parts: float) -> Kept:
    return Kept(name, sum(parts) / len(parts), parts, {}, Footprint({}, {}, "", 0), 0.0)


def test_the_highest_accuracy_and_the_lowest_error_come_first() -> None:
    rows = [kept("a", 80, 82), kept("b", 90, 92)]
    assert [one.criterion for one in ranked(rows, ACCURACY)] == ["b", "a"]
    assert [one.criterion for one in ranked(rows, ERROR)] == ["a", "b"]
    assert [one.behind for one in ranked(rows, ERROR)] == [0, 10]


def test_noise_is_of_the_differences_on_the_same_samples() -> None:
    """Parts differ by 20 points from one another, the two criteria by 1.0 to 1.2 on each."""
    best, steady = kept("best", 90, 70, 80), kept("steady", 89, 68.8, 78.9)
    (_, behind) = ranked([steady, best], ACCURACY)
    assert behind.behind == pytest.approx(1.1) and behind.noise == pytest.approx(0.1 / 3**0.5)
    assert not behind.is_within_noise


def test_a_lead_on_some_parts_and_a_loss_on_others_is_within_the_noise() -> None:
    (_, behind) = ranked([kept("a", 90, 70, 82), kept("b", 88, 74, 79)], ACCURACY)
    assert behind.criterion == "b" and behind.is_within_noise


def test_few_samples_judge_nothing() -> None:
    (first, second) = ranked([kept("a", 90), kept("b", 80)], ACCURACY)
    assert first.is_within_noise and second.noise is None and not second.is_within_noise
