"""What is shown while work is under way, on stderr: bars, limits, a curve on a terminal; else now and then a line."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from edgeprune.cli.output.plain_text import plain
from edgeprune.progress import Gauge, Progress, Task

if TYPE_CHECKING:
    from rich.console import Group
    from rich.progress import Progress as Bars
    from rich.progress import TaskID
    from rich.table import Table

PLAIN_LINE_EVERY_S = 10.0
_GAUGE = 24  # characters of a bar
_CURVE = 24  # characters of a curve
_MEANS = 20 * _CURVE  # at most; an even number
_HEIGHTS = "▁▂▃▄▅▆▇█"


def progress() -> Progress:
    """Bars on a terminal; now and then a line into a log or under `CI`."""
    return LiveProgress() if sys.stderr.isatty() and not _is_ci() else PlainProgress()


class LiveProgress:
    """Limits, and bars with the time left; they vanish when their work is done, notes stay."""

    def __init__(self) -> None:
        from rich import progress as bars
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True, highlight=False, markup=False)
        self._gauges: Table | None = None
        self._bars = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TimeRemainingColumn(),
            bars.TextColumn("{task.fields[detail]}", markup=False),
            console=self._console,
        )
        self._live = Live(get_renderable=self._view, console=self._console, transient=True)
        self._open_tasks = 0

    def note(self, text: str) -> None:
        self._console.print(plain(text), highlight=False, markup=False)

    def gauges(self, when: str, gauges: Sequence[Gauge]) -> None:
        from rich.table import Table
        from rich.text import Text

        self._gauges = Table.grid(padding=(0, 1))
        for gauge in gauges:
            bar = Text(f"{gauge_bar(gauge.used)} {gauge.used:5.0%}", "green" if gauge.used <= 1.0 else "red")
            self._gauges.add_row(Text(plain(when)), Text(gauge.name), bar, Text(gauge.text))
            when = ""

    def _view(self) -> Group:
        from rich.console import Group

        return Group(*([] if self._gauges is None else [self._gauges]), self._bars.get_renderable())

    @contextmanager
    def task(self, title: str, total_steps: int) -> Iterator[Task]:
        if self._open_tasks == 0:
            self._live.start()
        self._open_tasks += 1
        row = self._bars.add_task(plain(title), total=total_steps, detail="")
        try:
            yield _Bar(self._bars, row)
        finally:
            self._bars.remove_task(row)
            self._open_tasks -= 1
            if self._open_tasks == 0:
                self._live.stop()


class _Bar:
    def __init__(self, bars: Bars, row: TaskID):
        self._bars, self._row = bars, row
        self._losses = Losses()

    def advance(self, steps: int = 1, detail: str = "", loss: float | None = None) -> None:
        if loss is not None:
            self._losses.add(loss)
        means = self._losses.means
        words = f"{curve(means)} {plain(detail)}" if len(means) > 1 else plain(detail)
        self._bars.update(self._row, advance=steps, detail=words)


class Losses:
    """Losses of a whole training in a few hundred means, each of as many losses: a curve costs the same at its end."""

    def __init__(self) -> None:
        self.means: list[float] = []
        self._next: list[float] = []
        self._each = 1

    def add(self, loss: float) -> None:
        self._next.append(loss)
        if len(self._next) < self._each:
            return
        self.means.append(sum(self._next) / self._each)
        self._next.clear()
        if len(self.means) == _MEANS:
            self.means = [(one + other) / 2 for one, other in zip(self.means[::2], self.means[1::2], strict=True)]
            self._each *= 2


class PlainProgress:
    def note(self, text: str) -> None:
        print(plain(text), file=sys.stderr, flush=True)

    def gauges(self, when: str, gauges: Sequence[Gauge]) -> None:
        pass  # a note says it, too

    @contextmanager
    def task(self, title: str, total_steps: int) -> Iterator[Task]:
        yield _Lines(title, total_steps)


class _Lines:
    """A line every PLAIN_LINE_EVERY_S seconds of work."""

    def __init__(self, title: str, total_steps: int):
        self._title, self._total, self._done = title, total_steps, 0
        self._started = self._last_line = time.monotonic()

    def advance(self, steps: int = 1, detail: str = "", loss: float | None = None) -> None:
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


def gauge_bar(used: float) -> str:
    """A bar whose whole length is the limit; what is beyond it is drawn as an arrow."""
    filled = min(round(used * _GAUGE), _GAUGE)
    return "█" * filled + "░" * (_GAUGE - filled) + (">" if used > 1.0 else " ")


def curve(losses: Sequence[float]) -> str:
    """Means of as many parts of all losses so far as there are characters, low to high."""
    count = min(len(losses), _CURVE)
    starts = [len(losses) * part // count for part in range(count + 1)]
    means = [sum(losses[a:b]) / (b - a) for a, b in pairwise(starts)]
    finite = [mean for mean in means if abs(mean) < float("inf")]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    reach = (high - low) or 1.0
    top = len(_HEIGHTS) - 1
    return "".join(_HEIGHTS[round(top * (mean - low) / reach)] if low <= mean <= high else "!" for mean in means)


def _is_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
