"""The table of a sweep's trials, in SQLite: `runs/sweeps/NAME/trials.sqlite`.

One process writes it, the sweep itself, under the folder's lock; each change is one transaction that is on the disk
when it returns. A trial counts once its row has an outcome; before that its run folder may be anything, and is gone on
with.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeprune.errors import UsageError
from edgeprune.tasks.sweep.outcome import DONE, FINAL, WAITING, Outcome

FOLDER, NAME = "sweeps", "trials.sqlite"
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
        return [
            Row(number, run, json.loads(request), state, attempts, seconds, error, result and json.loads(result))
            for number, run, request, state, attempts, seconds, error, result in found
        ]

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
        raise UsageError(
            f"{path} cannot be used: {problem}", hint="bring it back from a copy, or begin the sweep under another name"
        ) from problem
    finally:
        database.close()


def _text(result: dict[str, Any] | None) -> str | None:
    return None if result is None else json.dumps(result)


def sweeps_by_run(runs: Path) -> dict[str, str]:
    """Run -> the sweep whose trial it is, of all sweeps in the folder of runs."""
    found: dict[str, str] = {}
    for path in sorted((runs / FOLDER).glob(f"*/{NAME}")):
        if not TrialTable.is_begun(path):
            continue
        for row in TrialTable(path).rows():
            found[row.run] = path.parent.name
    return found
