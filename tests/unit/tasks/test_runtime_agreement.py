"""A runtime on a device is held against the same one here: every output, and none that is not finite."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgeprune.errors import VerificationError
from edgeprune.tasks.runtime_agreement import Computed, compare_runtimes
from edgeprune.tasks.score import Score

SESSION: Any = SimpleNamespace(machine=SimpleNamespace(name="a Pi"), runtime="LiteRT 2", source="device")
FIRST, SECOND = np.eye(4, dtype=np.float32), np.full((4, 3), 100, np.float32)


def computed(*outputs: np.ndarray) -> Computed:
    return Computed(np.concatenate([one.view(np.uint8) for one in outputs], axis=1), outputs)


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
