"""A dense layer's integer factor against float64, one accumulator at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeprune.engine.kernels.linear.single_rounding import exact_multipliers
from edgeprune.errors import UnsupportedOp


def _away_from_zero(product: float) -> int:
    whole = math.floor(abs(product))
    return int(math.copysign(whole + (abs(product) - whole >= 0.5), product))


@given(
    st.integers(1, 64), st.integers(1, 4096), st.integers(-8, 8), st.integers(1, 1500), st.integers(-128, 127)
)  # the factor is a ratio that makes halves, or lies beside one
@example(1, 2, 0, 300, 0)
@example(1, 8, -1, 1500, -128)
def test_every_accumulator_in_reach(above: int, below: int, beside: int, reach: int, zero: int) -> None:
    real = above / below * (1 + beside * 2e-11)
    found = exact_multipliers("layer", np.array([real]), np.array([-reach]), np.array([reach]), zero)
    assert found.solved.all()
    multiplier, right = int(found.multiplier[0]), 31 - int(found.shift[0])
    for acc in range(-reach, reach + 1):
        ours = ((acc * multiplier + (1 << (right - 1))) >> right) + zero
        theirs = _away_from_zero(acc * real) + zero
        assert min(max(ours, -128), 127) == min(max(theirs, -128), 127), acc


def test_scaled_sums_beyond_int32_are_refused() -> None:
    with pytest.raises(UnsupportedOp, match="beyond int32"):
        exact_multipliers("layer", np.array([7e7]), np.array([-200_000]), np.array([10]), 0)
