"""A few hundred damaged `.tflite` files; `fuzz.py` is the way to run a hundred thousand."""

from __future__ import annotations

import pytest

from tests.firmware.fuzzing.fuzz import mutate


def test_damaged_files() -> None:
    mutate(count=300, runs=6, seed=1, examples=2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_hundred_thousand_damaged_files(seed: int) -> None:
    mutate(count=10_000, runs=40, seed=seed, examples=60)
