"""Operators of an ExecuTorch program timed on a device, by ExecuTorch's own ETDump and Inspector."""

from __future__ import annotations

import numpy as np

from edgeprune.deploy.hosted.operator_times import NOT_TIMED, OperatorTimes, TimedOperator
from edgeprune.deploy.hosted.replies import read_outputs
from edgeprune.deploy.hosted.runtime_session import RuntimeSession
from edgeprune.deploy.hosted.timing import Timing
from edgeprune.errors import EdgePruneError
from edgeprune.export.pte.etdump import operators_of

_RUN_S = 600.0
_HOW = "operators: by ExecuTorch's ETDump and Inspector, means (XNNPACK counts whole microseconds)"


def operator_times(session: RuntimeSession, sample: bytes, timing: Timing) -> OperatorTimes:
    """Of one inference on a device; nothing elsewhere.

    Raises:
        DeviceError: the machine, the link or the runtime failed.
    """
    if not session.measures:
        return NOT_TIMED
    words = [*session.words, "etdump", *timing.words]
    output = session.machine.run(session.folder, words, sample, _RUN_S)
    return recorded(read_outputs(output, sample, 1, session.machine.name).tobytes(), timing.warm_up)


def recorded(dump: bytes, warm_up: int) -> OperatorTimes:
    """Of an ETDump whose first `warm_up` executions count nothing."""
    try:
        found = operators_of(dump)
    except EdgePruneError as problem:  # times of whole inferences are worth showing all the same
        return OperatorTimes((), f"operators are not timed: {problem.message}")
    return OperatorTimes(
        [TimedOperator(one.name, one.by, float(np.mean(one.runs_us[warm_up:]))) for one in found], _HOW
    )
