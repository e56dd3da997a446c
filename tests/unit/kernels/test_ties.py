"""Where a dense layer's requantization starts from exactly half a step, counted one accumulator at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.kernels.dsp.requant import Scaling, ties_below_zero


@given(st.integers(1 << 30, (1 << 31) - 1), st.integers(0, 30), st.integers(-8, 2), st.integers(0, 2000))
def test_every_half_below_zero_is_seen(factor: int, zeros: int, shift: int, reach: int) -> None:
    factor = max(factor >> zeros << zeros, 1 << 30)
    total_bits = 31 + max(-shift, 0)
    products = [(acc << max(shift, 0)) * factor for acc in range(-reach, 0)]
    halves = any(product % (1 << total_bits) == 1 << (total_bits - 1) for product in products)
    scaling = Scaling(np.array([factor]), np.array([shift]), 0, -128, 127, rounds_twice=False)
    assert ties_below_zero(scaling, np.array([-reach])).tolist() == [halves]
