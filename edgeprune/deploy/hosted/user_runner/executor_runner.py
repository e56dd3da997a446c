"""ExecuTorch's `executor_runner`: its flags, and what it logs.

    I 00:00:00.004 executorch:executor_runner.cpp:1] Iteration 3 of 20: 0.512000 ms
    I 00:00:00.012 executorch:executor_runner.cpp:1] Model executed successfully 20 time(s) in 10.240000 ms.

Older ones log the sum alone. Built with the event tracer, it writes an ETDump too.

Source: https://github.com/pytorch/executorch/blob/main/examples/portable/executor_runner/executor_runner.cpp
"""

from __future__ import annotations

import re

import numpy as np

from edgeprune.deploy.hosted.timing import Timing
from edgeprune.deploy.hosted.user_runner.figures import Figures
from edgeprune.errors import DeviceError

_ITERATION = re.compile(r"\bIteration \d+ of \d+: ([\d.]+) ms")
_SUM = re.compile(r"\bModel executed successfully (\d+) time\(s\) in ([\d.]+) ms")


def words_for(model: str, timing: Timing) -> list[str]:
    """That start it on a file."""
    runs = timing.warm_up + timing.runs
    return [f"--model_path={model}", f"--num_executions={runs}", f"--cpu_threads={timing.threads}"]


def figures_in(text: str, warm_up: int) -> Figures:
    """Of whole inferences, the first `warm_up` left out where each is logged.

    Raises:
        DeviceError: they are not there.
    """
    each_us = np.array([1e3 * float(found) for found in _ITERATION.findall(text)])[warm_up:]
    if len(each_us):
        shares = {f"p{share}_us": float(np.percentile(each_us, share)) for share in (90, 99)}
        values = {"mean_us": float(each_us.mean()), "median_us": float(np.median(each_us))} | shares
        return Figures(len(each_us), values | {"least_us": float(each_us.min()), "most_us": float(each_us.max())})
    whole = _SUM.search(text)
    if whole is None or int(whole[1]) == 0:
        last = text.strip().splitlines()[-1:]
        raise DeviceError(
            f"the runner logged no times ({len(text):,} characters, the last line '{''.join(last)[:120]}')",
            hint="for a .pte, --runner is ExecuTorch's executor_runner, built with its logs",
        )
    return Figures(int(whole[1]), {"mean_us": 1e3 * float(whole[2]) / int(whole[1])})
