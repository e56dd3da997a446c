"""Trials on this machine: so many processes, each given the next trial when it is done with one.

A process that dies, however, has its trial given to a new one, which goes on in the same run folder.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Any

from edgeprune.files.own_process import module_command, own_environment, signal_name
from edgeprune.tasks.sweep.outcome import FAILED, Outcome
from edgeprune.tasks.sweep.table import Row

_MOST_ATTEMPTS = 3  # at one trial, by one sweep: then it is the trial that kills them


def run_trials(
    runs: Path, trials: Sequence[Row], workers: int, log: Path, begin: Callable[[Row], None]
) -> Iterator[tuple[Row, Outcome]]:
    """Each trial with its outcome, in the order they end.

    Args:
        runs: the folder of the trials' runs.
        workers: processes at most.
        log: what they say beside their answers is added to it.
        begin: called before a trial is given to a process.
    """
    waiting, attempts = list(trials), dict.fromkeys((row.number for row in trials), 0)
    crew: list[_Worker] = []
    with DefaultSelector() as selector:
        try:
            for _ in range(min(workers, len(trials))):
                crew.append(_Worker(selector, log))
            while waiting or any(worker.row is not None for worker in crew):
                for worker in crew:
                    if worker.row is None and waiting:
                        row = waiting.pop(0)
                        attempts[row.number] += 1
                        begin(row)
                        worker.give(row, runs / row.run)
                for key, _ in selector.select():
                    worker = key.data
                    row, line = worker.row, worker.answer()
                    if line is not None:
                        worker.row = None
                        yield row, Outcome(**json.loads(line))
                        continue
                    crew.remove(worker)
                    cause = worker.end()
                    if row is not None and attempts[row.number] < _MOST_ATTEMPTS:
                        waiting.insert(0, row)
                    if waiting:
                        crew.append(_Worker(selector, log))
                    if row is not None and attempts[row.number] == _MOST_ATTEMPTS:
                        error = f"{_MOST_ATTEMPTS} processes died at it, the last by {cause}: {log} has what they said"
                        yield row, Outcome(FAILED, 0.0, error)
        finally:
            for worker in crew:
                worker.end()


class _Worker:
    """A process of `worker.py`.

    row: the trial it is at; None where it waits for one.
    """

    def __init__(self, selector: DefaultSelector, log: Path):
        self.row: Row | None = None
        self._selector = selector
        with log.open("ab") as messages:
            self._process = subprocess.Popen(
                module_command("edgeprune.tasks.sweep.worker"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                env=own_environment(OMP_NUM_THREADS="1"),  # a core each, and the same figures with any number
            )
        assert self._process.stdout is not None
        selector.register(self._process.stdout, EVENT_READ, self)

    def give(self, row: Row, folder: Path) -> None:
        """A process that is dead already is noticed when its answer is read."""
        self.row = row
        task: dict[str, Any] = {"folder": str(folder.resolve()), "request": row.request}
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(task).encode() + b"\n")
            self._process.stdin.flush()

    def answer(self) -> bytes | None:
        """A whole line; None where the process is dead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return line if line.endswith(b"\n") else None

    def end(self) -> str:
        """Kills it, where it is not dead; by what it died."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._selector.unregister(self._process.stdout)
        if self._process.poll() is None:
            self._process.kill()
        code = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                stream.close()
        return signal_name(-code) if code < 0 else f"exit code {code}"
