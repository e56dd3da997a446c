"""What runners of the user's own print, read in the forms that their versions have."""

from __future__ import annotations

import pytest

from edgeprune.deploy.hosted.user_runner import benchmark_model, executor_runner
from edgeprune.errors import DeviceError
from tests.unit.deploy.hosted import printed_by_runners as printed


def test_benchmark_model() -> None:
    newer = benchmark_model.figures_in(printed.BENCHMARK_MODEL)
    assert (newer.runs, newer.values["mean_us"], newer.values["median_us"]) == (80, 12475.2, 12470.0)
    older = benchmark_model.figures_in(printed.OLDER_BENCHMARK_MODEL)
    assert (older.runs, older.values["mean_us"], older.values["least_us"]) == (50, 2950340.0, 2727568.0)
    assert "median_us" not in older.values
    assert benchmark_model.figures_in("count=1 curr=35\n").values == {"mean_us": 35.0}


def test_operators_of_benchmark_model() -> None:
    found = benchmark_model.operators_in(printed.OPERATORS)
    assert [(one.name, one.operator) for one in found] == [
        ("[tfl.quantize]:0", "QUANTIZE"),
        ("[a, b/Relu]:61", "MEAN"),
        ("Delegate/DWConv:1", "Convolution (NHWC, QC8) DWConv"),
    ]
    assert [one.mean_us for one in found] == pytest.approx([203.0, 80.0, 13 * 51.0])
    (older,) = benchmark_model.operators_in(printed.OLDER_OPERATORS)
    assert (older.operator, older.mean_us) == ("CONV_2D", pytest.approx(60957.0))
    assert benchmark_model.operators_in(printed.BENCHMARK_MODEL) == []


def test_executor_runner() -> None:
    newer = executor_runner.figures_in(printed.EXECUTOR_RUNNER, 1)
    assert (newer.runs, newer.values["mean_us"], newer.values["most_us"]) == (2, 500.0, 600.0)
    older = executor_runner.figures_in(printed.OLDER_EXECUTOR_RUNNER, 1)
    assert (older.runs, older.values) == (4, {"mean_us": 500.0})


@pytest.mark.parametrize("text", ["", "hello\n", "count=3 first=x\n", "count=50 first=1\n"])
def test_other_output_is_refused(text: str) -> None:
    with pytest.raises(DeviceError, match="no statistics"):
        benchmark_model.figures_in(text)
    with pytest.raises(DeviceError, match="no times"):
        executor_runner.figures_in(text, 0)
