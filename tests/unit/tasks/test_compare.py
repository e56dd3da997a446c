"""Who won, by how much, within what noise."""

import pytest

from edgeprune.tasks.compare import Result, verdicts


def result(criterion: str, validation: list[float], scale: float = 1.0) -> Result:
    """The float network is as good everywhere: the int8 metric decides."""
    alike = [99.0] * len(validation)
    return Result(
        criterion, "one-shot", scale, 100, 50, None, 90, 45, 1000, 10.0, True, 91, 44, {},
        alike, alike, validation, alike,
    )  # fmt: skip


def test_the_lead_is_held_against_the_noise_of_the_means():
    # variances 2 and 0, so one seed varies by 1; the difference of two means of two by 1, twice that is 2
    noisy = [result("a", [80.0, 82.0]), result("b", [79.5, 79.5])]
    (verdict,) = verdicts(noisy, higher_is_better=True)
    assert (verdict.best, verdict.second, verdict.lead) == ("a, one-shot", "b, one-shot", 1.5)
    assert verdict.noise == pytest.approx(1.0) and not verdict.is_clear
    (clear,) = verdicts([*noisy[:1], result("b", [78.5, 78.5])], higher_is_better=True)
    assert clear.lead == 2.5 and clear.is_clear


def test_errors_are_better_when_lower_and_one_seed_has_no_noise():
    (verdict,) = verdicts([result("a", [0.5]), result("b", [0.2])], higher_is_better=False)
    assert (verdict.best, verdict.lead, verdict.noise, verdict.is_clear) == ("b, one-shot", 0.3, None, False)


def test_each_scale_has_its_own_verdict_and_one_method_no_rival():
    found = verdicts([result("a", [1.0, 2.0]), result("a", [1.0, 2.0], 0.5)], higher_is_better=True)
    assert [(verdict.scale, verdict.second) for verdict in found] == [(1.0, None), (0.5, None)]
