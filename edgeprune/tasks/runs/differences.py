"""What two runs were asked for, and what came of it, where they are not the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeprune.errors import UsageError
from edgeprune.files.workspace import request_of
from edgeprune.tasks.runs.summary import RunSummary, summary_of

_NO_RESULT = {"name", "state", "created", "disk_bytes"}
_NO_REQUEST = {"options.command"}


@dataclass(frozen=True)
class Difference:
    """`of`: request, result or widths; None where a run has no such value."""

    of: str
    key: str
    first: Any
    second: Any


def differences(first: Path, second: Path) -> list[Difference]:
    """Of the runs in two folders; requests, then results, then the channels of each group.

    Raises:
        UsageError: there is no run, or it cannot be read.
    """
    summaries = [summary_read(folder) for folder in (first, second)]
    pairs: list[tuple[str, list[dict[str, Any]]]] = [
        ("request", [dict(flat(request_of(folder))) for folder in (first, second)]),
        ("result", [summary._asdict() for summary in summaries]),
        ("widths", [_widths(folder) for folder in (first, second)]),
    ]
    return [
        Difference(of, key, one.get(key), other.get(key))
        for of, (one, other) in pairs
        for key in dict.fromkeys([*one, *other])
        if one.get(key) != other.get(key) and key not in (_NO_RESULT if of == "result" else _NO_REQUEST)
    ]


def summary_read(folder: Path) -> RunSummary:
    """Raises UsageError where the folder holds no run."""
    summary = summary_of(folder)
    if summary is None:
        raise UsageError(f"{folder} holds no run", hint="name a folder that `edgeprune fit` made")
    return summary


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _widths(folder: Path) -> dict[str, Any]:
    from edgeprune.fitting.record import RECORD_NAME, load_record

    return load_record(folder).widths if (folder / RECORD_NAME).is_file() else {}
