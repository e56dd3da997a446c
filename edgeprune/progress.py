"""How library code reports progress without printing: it is passed a `Progress`, the command line shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Gauge:
    """How much of a limit is used.

    Attributes:
        used: the share of the limit, 1.0 is all of it.
        text: both in their unit: "83,104 of 65,536 B".
    """

    name: str
    used: float
    text: str


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, steps: int = 1, detail: str = "", loss: float | None = None) -> None:
        """`steps` more are done; `detail` stands beside the bar, and a small curve of the losses so far."""


@runtime_checkable
class Progress(Protocol):
    def note(self, text: str) -> None:
        """One line of what was decided or measured; it stays on the screen."""

    def gauges(self, when: str, gauges: Sequence[Gauge]) -> None:
        """Where the limits stand, until told again; shown while a task is under way."""

    def task(self, title: str, total_steps: int) -> AbstractContextManager[Task]:
        """`with progress.task("fine-tuning", 300) as task: ... task.advance()`."""


class Silent:
    """Shows nothing; what the Python API uses unless given another."""

    def note(self, text: str) -> None:
        pass

    def gauges(self, when: str, gauges: Sequence[Gauge]) -> None:
        pass

    @contextmanager
    def task(self, title: str, total_steps: int) -> Iterator[Task]:
        yield _SilentTask()


class _SilentTask:
    def advance(self, steps: int = 1, detail: str = "", loss: float | None = None) -> None:
        pass


class Lines:
    """Hands over lines of text: each note, and of a task the quarters it has done.

    Args:
        write: takes one line without its end, as `print` does.
    """

    def __init__(self, write: Callable[[str], object]):
        self._write = write

    def note(self, text: str) -> None:
        self._write(text)

    def gauges(self, when: str, gauges: Sequence[Gauge]) -> None:
        pass  # a note says it, too

    @contextmanager
    def task(self, title: str, total_steps: int) -> Iterator[Task]:
        yield _LinesTask(title, total_steps, self._write)


class _LinesTask:
    def __init__(self, title: str, total_steps: int, write: Callable[[str], object]):
        self._title, self._total, self._write = title, max(total_steps, 1), write
        self._done = 0

    def advance(self, steps: int = 1, detail: str = "", loss: float | None = None) -> None:
        before, self._done = self._done, self._done + steps
        quarter = 4 * self._done // self._total
        if quarter > 4 * before // self._total:
            self._write(f"{self._title}: {25 * quarter} %{f', {detail}' if detail else ''}")
