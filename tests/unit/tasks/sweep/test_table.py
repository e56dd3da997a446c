"""The table of trials: what is on the disk after a kill at any moment, and what a resumed sweep does again."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE

import pytest

from edgeprune.errors import UsageError
from edgeprune.tasks.sweep.outcome import DOES_NOT_FIT, DONE, FAILED, REFUSED, WAITING, Outcome
from edgeprune.tasks.sweep.table import NAME, Row, TrialTable, why_sweeps_need

TRIALS = 120
WRITER = f"""
import sys
from pathlib import Path
from edgeprune.tasks.sweep.outcome import DONE, Outcome
from edgeprune.tasks.sweep.table import Row, TrialTable

path = Path(sys.argv[1])
if TrialTable.is_begun(path):
    table = TrialTable(path)
else:
    trials = [Row(n, f"run-{{n}}", {{"n": n}}, "waiting", 0, None, None, None) for n in range({TRIALS})]
    table = TrialTable.create(path, trials)
for row in table.unfinished():
    table.note_attempt(row.number)
    table.note_outcome(row.number, Outcome(DONE, 1.0, None, {{"score": row.number}}))
    print(row.number, flush=True)
    sys.stdin.readline()
"""


def row(number: int, state: str = WAITING) -> Row:
    return Row(number, f"run-{number}", {"n": number}, state, 0, None, None, None)


def test_what_was_noted_before_a_kill_stays_and_nothing_is_done_twice(tmp_path: Path) -> None:
    path, chance, noted = tmp_path / NAME, random.Random(0), set[int]()
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", WRITER, path], stdin=PIPE, stdout=PIPE, text=True) as writer:
            assert writer.stdin is not None and writer.stdout is not None
            lines = []
            for _ in range(chance.randrange(1, 20)):
                lines.append(writer.stdout.readline())
                writer.stdin.write("\n")  # it goes on with the next, and no further
                writer.stdin.flush()
            time.sleep(chance.uniform(0, 0.01))
            writer.kill()
            lines += writer.stdout.read().split()
        seen = {int(line) for line in lines if line.strip()}
        assert not seen & noted
        noted |= seen
        rows = TrialTable(path).rows()
        done = {one.number for one in rows if one.state == DONE}
        assert len(rows) == TRIALS and noted <= done and len(done - noted) <= 1
        assert all(one.result == {"score": one.number} for one in rows if one.state == DONE)
        noted = done
    assert len(noted) < TRIALS


def test_a_resumed_sweep_does_again_what_failed_and_nothing_else(tmp_path: Path) -> None:
    table = TrialTable.create(tmp_path / NAME, [*map(row, range(4)), row(4, REFUSED)])
    for number, state in enumerate((DONE, DOES_NOT_FIT, FAILED)):
        table.note_outcome(number, Outcome(state, 1.0, "why" if state != DONE else None))
    assert [one.number for one in table.unfinished()] == [2, 3]
    table.try_failed_again()
    assert [one.state for one in table.rows()] == [DONE, DOES_NOT_FIT, WAITING, WAITING, REFUSED]
    table.note_outcome(0, Outcome(FAILED, 1.0, "late"))  # of a process that came too late
    assert table.rows()[0].state == DONE


@pytest.mark.parametrize("content", [b"", b"no database, but long enough to be one" * 40])
def test_another_file_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(UsageError, match=r"of another version|cannot be used"):
        TrialTable(tmp_path / NAME)


def test_runs_of_a_sweep_are_needed_by_it(tmp_path: Path) -> None:
    folder = tmp_path / "sweeps" / "mine"
    folder.mkdir(parents=True)
    TrialTable.create(folder / NAME, [row(1), row(2)])
    why = "the sweep mine needs it"
    assert why_sweeps_need(tmp_path, ["other"]) == {"run-1": why, "run-2": why}


def test_a_row_that_is_no_json_is_refused_in_words(tmp_path: Path) -> None:
    table = TrialTable.create(tmp_path / NAME, [row(1)])
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("UPDATE trials SET request = '{'")
    database.close()
    with pytest.raises(UsageError, match="cannot be used"):
        table.rows()
