"""What a target's file may state of its flash."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from edgeprune.hardware.flash_timing import FlashTiming


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        ({"cache_line_bytes": 12}, "is not 1 to 32 times read_bytes"),
        ({"code_cache_lines": 9, "cache_ways": 2}, "no multiple of cache_ways"),
        ({"code_cache_lines": 8, "data_cache_lines": 3, "cache_ways": 2}, "no multiple of cache_ways"),
        ({"code_cache_lines": 8, "data_cache_lines": 2, "is_unified": True}, "leave data_cache_lines away"),
        ({"cache_ways": -1}, "greater than or equal to 0"),
        ({"sequential_wait_states": 5}, "is more than wait_states = 4"),
    ],
)
def test_what_no_cache_is_is_refused(stated: dict[str, int], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        FlashTiming.model_validate({"wait_states": 4, "read_bytes": 8} | stated)


def test_a_unified_cache_in_sets() -> None:
    timing = FlashTiming(
        wait_states=4, read_bytes=16, code_cache_lines=512, cache_line_bytes=16, cache_ways=2, is_unified=True
    )
    assert timing.code_cache_bytes == 8192
