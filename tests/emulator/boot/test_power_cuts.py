"""A few of benchmarks/power_cuts.py's: whenever power is cut, the old or the new image comes back whole."""

from __future__ import annotations

from tests.emulator.boot.power_cuts import Cutter


def test_the_board_comes_back_whole_after_power_cuts(board, application) -> None:
    cutter = Cutter(board, [application(version) for version in (1, 2, 3, 4)])
    cuts = [cutter.cut(seed) for seed in range(10)]
    assert [cut.fault for cut in cuts] == [None] * 10
    assert len({cut.runs_new for cut in cuts}) == 2, "cuts before and after the point of no return"
