"""Straight code is looped until a cache keeps it, and does the same rounds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Shared
from edgeprune.engine.kernels.code_cache import within_code_cache
from edgeprune.engine.kernels.dsp.columns import make_tile
from edgeprune.engine.kernels.dsp.unroll import Unroll, unroll, unroll_within
from edgeprune.hardware.registry import load_target


@given(st.integers(1, 400), st.sampled_from(Optimize), st.integers(0, 4000))
def test_rounds_stay_and_code_shrinks_to_what_there_is_room_for(rounds: int, optimize: Optimize, most: int) -> None:
    def code_bytes(rolled: Unroll) -> int:
        return 100 + 60 * (rolled.head + rolled.chunk) + 8 * (rolled.loops > 0)

    rolled = unroll_within(rounds, optimize, code_bytes, most)
    assert rolled.head + rolled.loops * rolled.chunk == rounds
    assert rolled.head >= 1 and rolled.loops != 1
    if most >= code_bytes(unroll(rounds, optimize)):
        assert rolled == unroll(rounds, optimize)
    elif most >= 100 + 60 * 2 + 8:
        assert code_bytes(rolled) <= most


@pytest.mark.parametrize("shift", [None, 2])
def test_a_tile_keeps_its_name(shift: int | None) -> None:
    tile = make_tile(64, 64, 16, shift, (-128, 127), Optimize.SPEED)
    assert tile.shared.code_bytes > 1024
    assert tile.shared.within is not None
    looped = tile.shared.within(819)
    assert 600 <= looped.code_bytes <= 819
    assert f"({tile.name}, " in looped.text and looped.text != tile.shared.text
    # and from there to what it was
    assert looped.within is not None and looped.within(4096) == tile.shared


def test_only_code_that_overflows_is_looped() -> None:
    tile = make_tile(64, 64, 16, 2, (-128, 127), Optimize.SPEED).shared
    fixed = Shared("text", 5000)
    call = replace(KernelCall("f", emit=lambda names: ""), shared=(tile, fixed))
    assert within_code_cache([call], 0)[0].shared == (tile, fixed)
    assert within_code_cache([call], 8192)[0].shared == (tile, fixed)
    looped, kept = within_code_cache([call], 1024)[0].shared
    assert looped.code_bytes <= 820 and kept == fixed


@pytest.mark.parametrize(
    ("name", "cache_bytes"),
    [("nucleo-l4r5zi", 1024), ("stm32vldiscovery", 0), ("mps2-an386", 0), ("android-4gb-8core", 0)],
)
def test_a_target_states_its_cache(name: str, cache_bytes: int) -> None:
    assert load_target(name).code_cache_bytes == cache_bytes
