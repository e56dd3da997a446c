"""The one place that prints results, on stdout, as tables or JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edgeprune.cli.output.plain_text import plain

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


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
