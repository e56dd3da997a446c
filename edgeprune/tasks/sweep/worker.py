"""A process that runs trials, one after another: a line of JSON in for each, a line of JSON out.

It ends when its input does, at once and wherever it is: a sweep that was killed leaves nobody at work. What it was at
is gone on with by the next that is given the trial.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeprune.errors import DoesNotFit, EdgePruneError
from edgeprune.fitting.record import RunRecord
from edgeprune.progress import Silent
from edgeprune.tasks.fit import FitRequest, fit_at
from edgeprune.tasks.sweep.outcome import DOES_NOT_FIT, DONE, FAILED, Outcome


def outcome_of(folder: Path, request: dict[str, Any]) -> Outcome:
    """The trial run in the folder, to its end."""
    started = time.monotonic()

    def outcome(state: str, error: str | None = None, record: RunRecord | None = None) -> Outcome:
        return Outcome(state, round(time.monotonic() - started, 3), error, None if record is None else _figures(record))

    try:
        record = fit_at(folder, FitRequest.from_json(request), Silent())
    except DoesNotFit as missed:
        return outcome(DOES_NOT_FIT, missed.message)
    except EdgePruneError as failed:
        return outcome(FAILED, failed.message)
    except Exception as fault:  # one trial's fault is not the sweep's
        traceback.print_exc()
        return outcome(FAILED, f"{type(fault).__name__}: {fault}")
    return outcome(DONE, record=record)


def _figures(record: RunRecord) -> dict[str, Any]:
    return {
        "fits": record.fits,
        "metric": record.accuracy.metric,
        "score": record.accuracy.int8,
        "drop_points": record.drop_points,
        "flash_bytes": record.flash_bytes,
        "ram_bytes": record.ram_bytes,
        "latency_us": record.after.latency_us,
        "clock": record.ticks,
        "total_ticks": record.total_ticks,
        "macs": record.macs,
        "model_sha256": record.model_sha256,
    }


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # LiteRT may print
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        task = json.loads(lines.get())
        answers.write(json.dumps(asdict(outcome_of(Path(task["folder"]), task["request"]))) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
