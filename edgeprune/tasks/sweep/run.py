"""`edgeprune sweep`: begun or gone on with, and its table as it stands."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeprune.errors import UsageError
from edgeprune.files.lock import FolderLock
from edgeprune.progress import Progress
from edgeprune.tasks.sweep.definition import Trial
from edgeprune.tasks.sweep.outcome import REFUSED, WAITING, Outcome
from edgeprune.tasks.sweep.processes import run_trials
from edgeprune.tasks.sweep.table import FOLDER, LOG, NAME, Row, TrialTable
from edgeprune.units import score_text


@dataclass(frozen=True)
class Swept:
    """rows: all trials, in the order of the sweep; wall_s, trials_s: of this call, and of the trials it ran."""

    rows: list[Row]
    wall_s: float
    trials_s: float


def begin_sweep(runs: Path, name: str, trials: Sequence[Trial], workers: int, progress: Progress) -> Swept:
    """Raises UsageError where a sweep of that name was begun, or a run is called as one of its trials would be."""
    folder, width = runs / FOLDER / name, len(str(len(trials)))
    called = [f"{name}-{number:0{width}d}" for number in range(1, len(trials) + 1)]
    folder.mkdir(parents=True, exist_ok=True)
    with FolderLock(folder):
        if TrialTable.is_begun(folder / NAME):
            raise UsageError(
                f"a sweep '{name}' was begun in {runs}", hint=f"`edgeprune sweep --resume {name}`, or another --name"
            )
        taken = [run for run in called if os.path.lexists(runs / run)]
        if taken:
            raise UsageError(
                f"{taken[0]} lies in {runs} already; {len(taken)} of the sweep's {len(trials)} runs would be called so",
                hint="another --name, or `edgeprune runs rm` takes them away",
            )
        table = TrialTable.create(
            folder / NAME,
            [
                Row(
                    number=number,
                    run=run,
                    request=trial.request.as_json(),
                    state=WAITING if trial.refused is None else REFUSED,
                    attempts=0,
                    seconds=None,
                    error=trial.refused,
                    result=None,
                )
                for number, (run, trial) in enumerate(zip(called, trials, strict=True), 1)
            ],
        )
        return _swept(runs, folder, table, workers, progress)


def resume_sweep(runs: Path, name: str, workers: int, progress: Progress) -> Swept:
    """Goes on: what has an outcome is not run again, but what failed.

    Raises:
        UsageError: there is no such sweep, or another process is at it.
    """
    folder = runs / FOLDER / name
    if not TrialTable.is_begun(folder / NAME):
        raise UsageError(f"no sweep '{name}' was begun in {runs}", hint="begin it without --resume")
    with FolderLock(folder):
        table = TrialTable(folder / NAME)
        table.try_failed_again()
        return _swept(runs, folder, table, workers, progress)


def _swept(runs: Path, folder: Path, table: TrialTable, workers: int, progress: Progress) -> Swept:
    started, trials_s = time.monotonic(), 0.0
    unfinished = table.unfinished()
    count = len(table.rows())
    done = count - len(unfinished)
    if unfinished:
        ended = run_trials(runs, unfinished, workers, folder / LOG, lambda row: table.note_attempt(row.number))
        for row, outcome in ended:
            table.note_outcome(row.number, outcome)
            done += 1
            trials_s += outcome.seconds
            progress.note(f"{done} of {count}, {row.run}: {_words(outcome)}")
    return Swept(table.rows(), time.monotonic() - started, trials_s)


def _words(outcome: Outcome) -> str:
    if outcome.result is None:
        return f"{outcome.state}: {outcome.error}"
    result = outcome.result
    fits = "fits" if result["fits"] else "does not fit"
    return f"{result['metric']} {score_text(result['score'])}, {fits}, {outcome.seconds:.1f} s"
