"""A runtime on a device is held against the same one here: every output, and none that is not finite."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgeprune.errors import VerificationError
from edgeprune.tasks.runtimes.agreement import Computed, compare_runtimes
from edgeprune.tasks.score import Score

SESSION: Any = SimpleNamespace(machine=SimpleNamespace(name="a Pi"), runtime="LiteRT 2", source="device")
FIRST, SECOND = np.eye(4, dtype=np.float32), np.full((4, 3), 100, np.float32)


def computed(*outputs: np.ndarray, step: float | None = None) -> Computed:
    rows = np.concatenate([one.view(np.uint8) for one in outputs], axis=1)
    return Computed(rows, outputs, (step,) * len(outputs))


def test_small_differences_are_within() -> None:
    there = computed(FIRST * np.float32(0.98), SECOND + 1)
    found = compare_runtimes(SESSION, there, computed(FIRST, SECOND), Score.missing(""))
    assert (found.samples, found.same_bytes, found.argmax_agreement) == (4, 0.0, 1.0)
    assert found.most_difference == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ((FIRST, SECOND * 2), (FIRST, SECOND)),  # the second output alone
        ((FIRST * 1.1, SECOND), (FIRST, SECOND)),
        ((FIRST[:, ::-1].copy(), SECOND), (FIRST, SECOND)),
        ((FIRST * np.float32(np.nan), SECOND), (FIRST, SECOND)),
        ((FIRST, SECOND), (FIRST, SECOND * np.float32(np.inf))),
    ],
)
def test_what_is_too_far_is_refused(there: tuple[np.ndarray, ...], here: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(VerificationError, match="a Pi: outputs of LiteRT 2"):
        compare_runtimes(SESSION, computed(*there), computed(*here), Score.missing(""))


def rows(*values: tuple[int, ...], step: float) -> np.ndarray:
    return (np.array(values, np.float32) - np.float32(3)) * np.float32(step)


@pytest.mark.parametrize("step", [0.0023, 1.0, 37.5])
def test_a_step_of_quantization_may_make_another_output_the_largest(step: float) -> None:
    """Each output is a step away at most; the first two samples tie here, or there, and so differ in their argmax."""
    here = computed(rows((100, 100, 0), (99, 100, 1), (7, 100, 99), (100, 0, 98), step=step), step=step)
    there = computed(rows((99, 100, 0), (100, 99, 1), (7, 99, 100), (99, 1, 98), step=step), step=step)
    assert compare_runtimes(SESSION, there, here, Score.missing("")).argmax_agreement == 1.0
    with pytest.raises(VerificationError, match=r"25\.0% have the same largest output, or one within a step of it"):
        compare_runtimes(SESSION, computed(*there.outputs), computed(*here.outputs), Score.missing(""))


@pytest.mark.parametrize("moved", [(98, 100, 0), (99, 101, 0)])
def test_more_than_a_step_is_no_tie(moved: tuple[int, ...]) -> None:
    here = computed(rows((100, 99, 0), step=0.5), step=0.5)
    with pytest.raises(VerificationError, match=r"0\.0% have the same largest output"):
        compare_runtimes(SESSION, computed(rows(moved, step=0.5), step=0.5), here, Score.missing(""))


def test_a_step_is_near_where_outputs_have_few_of_them() -> None:
    here = computed(rows((13, 3), step=0.1), step=0.1)  # 10 steps: one is a tenth of the largest
    there = computed(rows((12, 4), step=0.1), step=0.1)
    assert compare_runtimes(SESSION, there, here, Score.missing("")).most_difference == pytest.approx(0.1)
    two = computed(rows((11, 3), step=0.1), step=0.1)
    with pytest.raises(VerificationError, match=r"up to 20\.0%"):
        compare_runtimes(SESSION, two, here, Score.missing(""))
