"""How library code reports progress without printing: it is passed a `Progress`, the command line shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, steps: int = 1, detail: str = "") -> None:
        """`steps` more are done; `detail` (the loss, the accuracy) stands beside the bar."""


class Progress(Protocol):
    def note(self, text: str) -> None:
        """One line of what was decided or measured; it stays on the screen."""

    def task(self, title: str, total_steps: int) -> AbstractContextManager[Task]:
        """`with progress.task("fine-tuning", 300) as task: ... task.advance()`."""


class Silent:
    """Shows nothing; what the Python API uses unless given another."""

    def note(self, text: str) -> None:
        pass

    @contextmanager
    def task(self, title: str, total_steps: int) -> Iterator[Task]:
        yield _SilentTask()


class _SilentTask:
    def advance(self, steps: int = 1, detail: str = "") -> None:
        pass
