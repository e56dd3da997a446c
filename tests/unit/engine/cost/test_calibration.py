"""What a board's own profile makes of predicted instructions."""

from __future__ import annotations

import pytest

from edgeprune.engine.cost.calibration import (
    UNCALIBRATED,
    Calibration,
    calibrate,
    calibration_path,
    load_calibration,
    save_calibration,
)
from edgeprune.engine.cost.latency import kernel_costs, predicted_instructions
from edgeprune.engine.kernels.base import KernelCall, Work
from edgeprune.errors import UsageError
from edgeprune.hardware.registry import load_target

CPU = load_target("cortex-m4").cpu
FIRST, SECOND, THIRD = list(kernel_costs("cortex-m4"))[:3]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def call(function: str, macs: int = 10_000, outputs: int = 100) -> KernelCall:
    return KernelCall(function, emit=lambda names: "", work=Work(macs, outputs))


def test_a_profile_predicts_itself() -> None:
    calls = [call(FIRST), call(FIRST, macs=500), call(SECOND)]
    instructions = [predicted_instructions(each, CPU) for each in calls]
    cycles = [round(1.5 * instructions[0]), round(1.5 * instructions[1]), round(3 * instructions[2])]
    learned = calibrate(calls, cycles, CPU)
    assert learned is not None
    assert [learned.cycles(each, CPU) for each in calls] == pytest.approx(cycles, abs=2)
    assert learned.whole == pytest.approx(sum(cycles) / sum(instructions))


def test_kernels_that_were_not_measured_take_the_boards_mean() -> None:
    learned = calibrate([call(FIRST)], [round(2 * predicted_instructions(call(FIRST), CPU))], CPU)
    assert learned.cycles(call(SECOND), CPU) == pytest.approx(2 * predicted_instructions(call(SECOND), CPU), rel=1e-3)
    assert UNCALIBRATED.cycles(call(SECOND), CPU) == predicted_instructions(call(SECOND), CPU)


def test_what_cannot_be_predicted_stays_so() -> None:
    assert calibrate([call("ep_unheard_of")], [1000], CPU) is None
    assert UNCALIBRATED.cycles(call("ep_unheard_of"), CPU) is None


def test_it_is_kept_for_each_board() -> None:
    assert load_calibration("a-board") is None
    older, newer = Calibration({FIRST: 1.5, SECOND: 2.0}, 1.7), Calibration({SECOND: 3.0, THIRD: 1.0}, 2.5)
    save_calibration("a-board", older.updated(newer))
    assert load_calibration("a-board") == Calibration({FIRST: 1.5, SECOND: 3.0, THIRD: 1.0}, 2.5)
    assert load_calibration("another") is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema": 9}', '{"schema": 1, "whole": -1, "functions": {}}', '{"schema": 1, "whole": 1}'],
)
def test_a_damaged_file_is_named(text: str) -> None:
    path = calibration_path("a-board")
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(UsageError, match=r"a-board\.json") as caught:
        load_calibration("a-board")
    assert "delete it" in (caught.value.hint or "")
