"""A few hundred damaged `.tflite` files; `fuzz.py` is the way to run a hundred thousand."""

from __future__ import annotations

import pytest

from tests.firmware.fuzzing.fuzz import mutate


def test_damaged_files() -> None:
    mutate(count=300, runs=6, seed=1, examples=2)


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
@pytest.mark.xfail(
    reason="not run to its end since its last fault was mended: take this away once it was", strict=False
)
def test_a_hundred_thousand_damaged_files() -> None:
    mutate(count=100_000, runs=400, seed=2, examples=60)
