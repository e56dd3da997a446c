"""The table of a sweep's trials, in SQLite: `runs/sweeps/NAME/trials.sqlite`; beside it, what its processes said.

One process writes it, the sweep itself, under the folder's lock; each change is one transaction that is on the disk
when it returns. A trial counts once its row has an outcome; before that its run folder may be anything, and is gone on
with.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeprune.errors import UsageError
from edgeprune.tasks.sweep.outcome import DONE, FINAL, WAITING, Outcome

FOLDER, NAME, LOG = "sweeps", "trials.sqlite", "processes.log"
_FORM = 1
_COLUMNS = """number INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, request TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, seconds REAL, error TEXT, result TEXT"""


@dataclass(frozen=True)
class Row:
    """A trial in the table.

    Attributes:
        run: name of its run's folder, in the folder of runs.
        request: as `FitRequest.as_json`.
        state: of `outcome.py`; `waiting` until there is an outcome.
        attempts: processes that were given it.
        seconds: of the attempt that finished it.
        result: figures of its record; None without one.
    """

    number: int
    run: str
    request: dict[str, Any]
    state: str
    attempts: int
    seconds: float | None
    error: str | None
    result: dict[str, Any] | None


class TrialTable:
    """Raises UsageError where the file is none, or is damaged."""

    def __init__(self, path: Path):
        self._path = path
        with self._open() as database:
            (form,) = database.execute("PRAGMA user_version").fetchone()
            if form != _FORM:
                raise UsageError(
                    f"{path} is of another version of EdgePrune", hint="begin the sweep under another name"
                )

    @staticmethod
    def create(path: Path, trials: Sequence[Row]) -> TrialTable:
        """A table of trials, whole or not at all."""
        path.unlink(missing_ok=True)  # of a sweep that was killed before its table was whole
        with _connected(path) as database:
            database.execute(f"CREATE TABLE trials ({_COLUMNS})")
            database.executemany(
                "INSERT INTO trials (number, run, request, state, error) VALUES (?, ?, ?, ?, ?)",
                [(trial.number, trial.run, json.dumps(trial.request), trial.state, trial.error) for trial in trials],
            )
            database.execute(f"PRAGMA user_version = {_FORM}")
        return TrialTable(path)

    @staticmethod
    def is_begun(path: Path) -> bool:
        """Whether a whole table is there: one that was killed in its making is not."""
        if not path.is_file():
            return False
        with _connected(path) as database:
            return bool(database.execute("PRAGMA user_version").fetchone()[0])

    def rows(self) -> list[Row]:
        with self._open() as database:
            found = database.execute(
                "SELECT number, run, request, state, attempts, seconds, error, result FROM trials ORDER BY number"
            ).fetchall()
        try:
            return [
                Row(number, run, json.loads(request), state, attempts, seconds, error, result and json.loads(result))
                for number, run, request, state, attempts, seconds, error, result in found
            ]
        except (ValueError, TypeError, RecursionError) as problem:
            raise _unusable(self._path, problem) from problem

    def runs(self) -> list[str]:
        """Of all trials, in their order."""
        with self._open() as database:
            return [run for (run,) in database.execute("SELECT run FROM trials ORDER BY number")]

    def unfinished(self) -> list[Row]:
        return [row for row in self.rows() if row.state not in FINAL]

    def note_attempt(self, number: int) -> None:
        with self._open() as database:
            database.execute("UPDATE trials SET attempts = attempts + 1 WHERE number = ?", (number,))

    def note_outcome(self, number: int, outcome: Outcome) -> None:
        with self._open() as database:
            database.execute(
                "UPDATE trials SET state = ?, seconds = ?, error = ?, result = ? WHERE number = ? AND state != ?",
                (outcome.state, outcome.seconds, outcome.error, _text(outcome.result), number, DONE),
            )

    def try_failed_again(self) -> None:
        """Failures may have been of the machine; what does not fit, or together, stays so."""
        with self._open() as database:
            marks = ", ".join("?" * len(FINAL))
            database.execute(f"UPDATE trials SET state = ? WHERE state NOT IN ({marks})", (WAITING, *FINAL))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if not self._path.is_file():
            raise UsageError(f"{self._path} is not there", hint="begin the sweep without --resume")
        with _connected(self._path) as database:
            yield database


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(path, timeout=30)
    try:
        database.execute("PRAGMA synchronous = FULL")
        with database:
            yield database
    except sqlite3.DatabaseError as problem:
        raise _unusable(path, problem) from problem
    finally:
        database.close()


def _unusable(path: Path, problem: Exception) -> UsageError:
    return UsageError(
        f"{path} cannot be used: {problem}", hint="bring it back from a copy, or begin the sweep under another name"
    )


def _text(result: dict[str, Any] | None) -> str | None:
    return None if result is None else json.dumps(result)


def why_sweeps_need(runs: Path, names: Iterable[str]) -> dict[str, str]:
    """Run -> why it must stay, of those of the `names` in the folder of runs that are trials of a sweep.

    Of a sweep whose table cannot be read, these are the runs called as its trials are.
    """
    found: dict[str, str] = {}
    for path in sorted((runs / FOLDER).glob(f"*/{NAME}")):
        sweep = path.parent.name
        try:
            if TrialTable.is_begun(path):
                found |= dict.fromkeys(TrialTable(path).runs(), f"the sweep {sweep} needs it")
        except UsageError as damaged:
            why = f"the sweep {sweep} may need it: {damaged.message}; without the folder {path.parent} it is free"
            called = re.compile(re.escape(sweep) + "-[0-9]+")
            found |= {name: why for name in names if called.fullmatch(name)}
    return found
