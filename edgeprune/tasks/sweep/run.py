"""`edgeprune sweep`: begun or gone on with, and its table as it stands."""

from __future__ import annotations

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
from edgeprune.tasks.sweep.table import FOLDER, NAME, Row, TrialTable
from edgeprune.units import score_text


@dataclass(frozen=True)
class Swept:
    """rows: all trials, in the order of the sweep; wall_s, trials_s: of this call, and of the trials it ran."""

    rows: list[Row]
    wall_s: float
    trials_s: float


def begin_sweep(runs: Path, name: str, trials: Sequence[Trial], workers: int, progress: Progress) -> Swept:
    """Raises UsageError where a sweep of that name was begun."""
    folder = runs / FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    with FolderLock(folder):
        if TrialTable.is_begun(folder / NAME):
            raise UsageError(
                f"a sweep '{name}' was begun in {runs}", hint=f"`edgeprune sweep --resume {name}`, or another --name"
            )
        width = len(str(len(trials)))
        table = TrialTable.create(
            folder / NAME,
            [
                Row(
                    number=number,
                    run=f"{name}-{number:0{width}d}",
                    request=trial.request.as_json(),
                    state=WAITING if trial.refused is None else REFUSED,
                    attempts=0,
                    seconds=None,
                    error=trial.refused,
                    result=None,
                )
                for number, trial in enumerate(trials, 1)
            ],
        )
        return _swept(runs, table, workers, progress)


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
        return _swept(runs, table, workers, progress)


def _swept(runs: Path, table: TrialTable, workers: int, progress: Progress) -> Swept:
    started, trials_s = time.monotonic(), 0.0
    unfinished = table.unfinished()
    count = len(table.rows())
    done = count - len(unfinished)
    if unfinished:
        for row, outcome in run_trials(runs, unfinished, workers, lambda row: table.note_attempt(row.number)):
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
