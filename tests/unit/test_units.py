"""Values as people read them."""

from __future__ import annotations

import pytest

from edgeprune.units import score_text


@pytest.mark.parametrize(
    ("score", "text"),
    [(87.296, "87.30"), (100.0, "100.00"), (0.0, "0.00"), (-3.14159, "-3.14"), (0.58, "0.58"), (0.0012345, "0.00123"),
     (1.2e-12, "1.2e-12"), (-0.05, "-0.05")],
)  # fmt: skip
def test_a_small_error_is_not_called_none(score: float, text: str) -> None:
    assert score_text(score) == text
