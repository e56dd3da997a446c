"""A few hundred damaged `.tflite` files; `fuzz.py` is the way to run a hundred thousand."""

from __future__ import annotations

import pytest

from tests.firmware.fuzzing.fuzz import mutate


def test_damaged_files() -> None:
    mutate(count=300, runs=6, seed=1, examples=2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thousands_of_damaged_files() -> None:
    mutate(count=6_000, runs=24, seed=2, examples=60)
