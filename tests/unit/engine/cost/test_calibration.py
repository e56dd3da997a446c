"""What a board's own profile makes of predicted cycles."""

from __future__ import annotations

import pytest

from edgeprune.budget import LatencyBasis
from edgeprune.engine.cost.calibration import (
    Calibration,
    calibrate,
    calibration_path,
    load_calibration,
    save_calibration,
)
from edgeprune.engine.kernels.base import KernelCall, Work
from edgeprune.errors import UsageError

BLOCKS, INSTRUCTIONS = LatencyBasis.BLOCKS, LatencyBasis.INSTRUCTIONS


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def call(function: str) -> KernelCall:
    return KernelCall(function, emit=lambda names: "", work=Work(10, 1))


def test_a_profile_predicts_itself() -> None:
    calls, predicted = [call("one"), call("one"), call("two")], [1000.0, 100.0, 500.0]
    learned = calibrate(calls, [1500, 150, 1500], predicted, BLOCKS)
    assert learned is not None and learned.basis is BLOCKS
    assert [learned.ratio(each) for each in calls] == [1.5, 1.5, 3.0]
    assert learned.whole == pytest.approx(3150 / 1600)


def test_kernels_that_were_not_measured_take_the_boards_mean() -> None:
    learned = calibrate([call("one"), call("two")], [200, 300], [100.0, 100.0], BLOCKS)
    assert learned is not None and learned.ratio(call("three")) == 2.5


def test_what_was_not_predicted_teaches_nothing() -> None:
    assert calibrate([call("one")], [1000], [None], INSTRUCTIONS) is None
    learned = calibrate([call("one"), call("two")], [1000, 300], [None, 100.0], INSTRUCTIONS)
    assert learned is not None and learned.functions == {"two": 3.0} and learned.whole == 3.0


def test_it_is_kept_for_each_board() -> None:
    assert load_calibration("a-board") is None
    older = Calibration({"one": 1.5, "two": 2.0}, 1.7, BLOCKS)
    newer = Calibration({"two": 3.0, "three": 1.0}, 2.5, BLOCKS)
    save_calibration("a-board", older.updated(newer))
    assert load_calibration("a-board") == Calibration({"one": 1.5, "two": 3.0, "three": 1.0}, 2.5, BLOCKS)
    assert load_calibration("another") is None


def test_ratios_to_something_else_are_not_mixed() -> None:
    newer = Calibration({"two": 3.0}, 2.5, BLOCKS)
    assert Calibration({"one": 1.5}, 1.7, INSTRUCTIONS).updated(newer) == newer


def write(text: str) -> None:
    path = calibration_path("a-board")
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_an_older_versions_file_counts_as_none() -> None:
    write('{"schema": 1, "target": "a-board", "whole": 1.5, "functions": {"one": 1.5}}')
    assert load_calibration("a-board") is None


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"schema": 9}', '{"schema": 2, "basis": "blocks", "whole": -1, "functions": {}}',
        '{"schema": 2, "whole": 1, "functions": {}}', '{"schema": 2, "basis": "guesses", "whole": 1, "functions": {}}',
    ],
)  # fmt: skip
def test_a_damaged_file_is_named(text: str) -> None:
    write(text)
    with pytest.raises(UsageError, match=r"a-board\.json") as caught:
        load_calibration("a-board")
    assert "delete it" in (caught.value.hint or "")
