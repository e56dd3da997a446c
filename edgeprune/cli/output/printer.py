"""The one place that prints: results on stdout as tables or JSON, progress and notes on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edgeprune.cli.output.plain_text import plain
from edgeprune.progress import Progress, Task

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

PLAIN_LINE_EVERY_S = 10.0


@dataclass
class Session:
    """What one run of the command line has printed: a failure after the result adds no second JSON object."""

    result_printed: bool = False


class Printer(Protocol):
    """Prints a command's result once, in the form the user chose."""

    def result(self, data: Mapping[str, Any], *text: RenderableType) -> None:
        """`data` as JSON, or `text` for people. Sizes are in bytes, times in the unit their key names."""


class TextPrinter:
    def result(self, data: Mapping[str, Any], *text: RenderableType) -> None:
        console = result_console()
        for part in text:
            console.print(plain(part) if isinstance(part, str) else part)


class JsonPrinter:
    def __init__(self, session: Session):
        self._session = session

    def result(self, data: Mapping[str, Any], *text: RenderableType) -> None:
        sys.stdout.write(json.dumps(data, indent=2, default=_plain, allow_nan=False) + "\n")
        self._session.result_printed = True


def result_console() -> Console:
    """stdout; into a pipe or a file, lines are not folded to some terminal's width."""
    from rich.console import Console

    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else _pipe_columns())


def progress() -> Progress:
    """Bars on a terminal; now and then a line into a log or under `CI`."""
    return LiveProgress() if sys.stderr.isatty() and not _is_ci() else PlainProgress()


class LiveProgress:
    """Bars with the time left; they vanish when their work is done, notes stay."""

    def __init__(self) -> None:
        from rich import progress as bars
        from rich.console import Console

        self._bars = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TimeRemainingColumn(),
            bars.TextColumn("{task.fields[detail]}", markup=False),
            console=Console(stderr=True, highlight=False, markup=False),
            transient=True,
        )
        self._open_tasks = 0

    def note(self, text: str) -> None:
        self._bars.console.print(plain(text), highlight=False, markup=False)

    @contextmanager
    def task(self, title: str, total_steps: int) -> Iterator[Task]:
        if self._open_tasks == 0:
            self._bars.start()
        self._open_tasks += 1
        row = self._bars.add_task(plain(title), total=total_steps, detail="")
        try:
            yield _Bar(self._bars, row)
        finally:
            self._bars.remove_task(row)
            self._open_tasks -= 1
            if self._open_tasks == 0:
                self._bars.stop()


class _Bar:
    def __init__(self, bars: Bars, row: TaskID):
        self._bars, self._row = bars, row

    def advance(self, steps: int = 1, detail: str = "") -> None:
        self._bars.update(self._row, advance=steps, detail=plain(detail))


class PlainProgress:
    def note(self, text: str) -> None:
        print(plain(text), file=sys.stderr, flush=True)

    @contextmanager
    def task(self, title: str, total_steps: int) -> Iterator[Task]:
        yield _Lines(title, total_steps)


class _Lines:
    """A line every PLAIN_LINE_EVERY_S seconds of work."""

    def __init__(self, title: str, total_steps: int):
        self._title, self._total, self._done = title, total_steps, 0
        self._started = self._last_line = time.monotonic()

    def advance(self, steps: int = 1, detail: str = "") -> None:
        self._done += steps
        now = time.monotonic()
        if now - self._last_line < PLAIN_LINE_EVERY_S:
            return
        self._last_line = now
        left_s = (now - self._started) / max(self._done, 1) * max(self._total - self._done, 0)
        more = f", {plain(detail)}" if detail else ""
        print(
            f"{plain(self._title)}: {self._done}/{self._total}{more}, {left_s:.0f} s left", file=sys.stderr, flush=True
        )


def _is_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _pipe_columns() -> int:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdigit() and int(columns) > 0 else 200


def _plain(value: object) -> object:
    """JSON for the types results are made of."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
