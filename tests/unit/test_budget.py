"""Limits that nothing can be within, and what is known of a limit at all."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from edgeprune.budget import Budget, Footprint, Limits
from edgeprune.errors import UsageError
from edgeprune.tasks.inspect import Inspection


@pytest.mark.parametrize("field", ["flash_bytes", "ram_bytes", "latency_us"])
@pytest.mark.parametrize("value", [0, -1, nan, inf])
def test_a_limit_of_nothing_is_refused(field: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"for {field.split('_')[0]} leaves nothing") as refused:
        Limits(**{field: value})
    assert f"--{field.split('_')[0]}" in str(refused.value.hint)
    Limits(**{field: 1})


@pytest.mark.parametrize("value", [-0.5, nan, inf])
def test_points_that_may_be_lost_are_some_number(value: float) -> None:
    with pytest.raises(UsageError, match="no points that may be lost"):
        Limits(max_drop_points=value)
    assert Limits(max_drop_points=0.0).max_drop_points == 0


@pytest.mark.parametrize(
    ("latency_us", "is_floor", "fits", "unjudged"),
    [
        (4.0, False, True, ()), (4.0, True, False, ("latency",)), (6.0, True, False, ()), (6.0, False, False, ()),
        (5.0, True, False, ("latency",)), (None, False, False, ("latency",)),
    ],
)  # fmt: skip
def test_what_no_device_goes_below_is_no_prediction(
    latency_us: float | None, is_floor: bool, fits: bool, unjudged: tuple[str, ...]
) -> None:
    footprint = Footprint({"all": 1}, {"all": 1}, "", 0, latency_us, is_floor)
    found = Inspection(footprint, Budget(10, 10, latency_us=5.0), (), {}, ())
    assert (found.fits, found.unjudged) == (fits, unjudged)
    unlimited = Inspection(footprint, Budget(10, 10), (), {}, ())
    assert (unlimited.fits, unlimited.unjudged) == (True, ())
