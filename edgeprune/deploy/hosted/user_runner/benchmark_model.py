"""LiteRT's `benchmark_model`: its flags, and what it prints.

    count=50 first=2990 curr=2913 min=2727 max=3189 avg=2950.34 std=109 p5=2800 median=2940 p95=3100

once for the warm-up, once for what counts, in microseconds; older ones print no percentiles. With operators profiled,
a table `Run Order` for the initialization and one for the inferences: milliseconds of a call, calls of an inference.

Source: https://github.com/tensorflow/tensorflow/tree/master/tensorflow/lite/tools/benchmark (README.md), and
tensorflow/core/util/stats_calculator.cc for the table.
"""

from __future__ import annotations

import re

from edgeprune.deploy.hosted.operator_times import TimedOperator
from edgeprune.deploy.hosted.timing import Timing
from edgeprune.deploy.hosted.user_runner.figures import Figures
from edgeprune.errors import DeviceError

_STATISTICS = re.compile(r"(?:^|\s)(count=\d+(?: \w+=[-+.\w]+)+)\s*$", re.MULTILINE)
_NAMES = {"avg": "mean_us", "median": "median_us", "min": "least_us", "max": "most_us", "std": "deviation_us",
          "p5": "p5_us", "p95": "p95_us"}  # fmt: skip
_INFERENCES = "Operator-wise Profiling Info for Regular Benchmark Runs:"
_TABLE, _NEXT_TABLE = " Run Order ", " Top by Computation Time "
_ROW = re.compile(
    r"^\s*(?P<kind>\S.*?)\s+(?:[\d.]+\s+)?[\d.]+\s+(?P<call_ms>[\d.]+)\s+[\d.]+%\s+[\d.]+%\s+[\d.]+\s+(?P<calls>\d+)"
    r"\s+(?P<name>\S.*?)\s*$",
    re.MULTILINE,
)
_MOST_S = 120


def words_for(model: str, timing: Timing) -> list[str]:
    """That start it on a file."""
    return [
        f"--graph={model}", f"--num_threads={timing.threads}", f"--warmup_runs={timing.warm_up}", "--warmup_min_secs=0",
        f"--num_runs={timing.runs}", "--min_secs=0", f"--max_secs={_MOST_S}",
    ]  # fmt: skip


OPERATORS = "--enable_op_profiling=true"
"""One word more: operators are timed."""


def figures_in(text: str) -> Figures:
    """Of whole inferences.

    Raises:
        DeviceError: they are not there.
    """
    found = _STATISTICS.findall(text)
    try:
        values = {name: float(value) for name, _, value in (word.partition("=") for word in found[-1].split())}
        figures = {ours: values[theirs] for theirs, ours in _NAMES.items() if theirs in values}
        if "mean_us" not in figures:  # of one inference it prints `curr` alone
            figures["mean_us"] = values["curr"]
    except (IndexError, KeyError, ValueError):
        last = text.strip().splitlines()[-1:]
        raise DeviceError(
            f"the runner printed no statistics of inferences ({len(text):,} characters, the last line "
            f"'{''.join(last)[:120]}')",
            hint="for a .tflite, --runner is LiteRT's benchmark_model; does it run the file by itself?",
        ) from None
    return Figures(int(values["count"]), figures)


def operators_in(text: str) -> list[TimedOperator]:
    """Of the table in execution order; none where there is no table."""
    table = text.partition(_INFERENCES)[2].partition(_TABLE)[2].partition(_NEXT_TABLE)[0]
    return [
        TimedOperator(row["name"], row["kind"], 1e3 * float(row["call_ms"]) * int(row["calls"]))
        for row in _ROW.finditer(table)
    ]
