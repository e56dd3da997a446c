"""All runs of a folder, quickly: summaries are kept in `.index.json` there, and only what changed is read again.

A run whose folder and record have the same times as when it was read is not read again; all files of a run are put in
place by a rename, which is a change of the folder. The index holds nothing that the runs do not: where it is missing,
damaged or cannot be written, the runs themselves are read.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from edgeprune.errors import UsageError
from edgeprune.files.atomic import write_text
from edgeprune.tasks.runs.summary import RECORD, REQUEST, RunSummary, summary_of

INDEX_NAME = ".index.json"


class _Known(NamedTuple):
    """What was read of a folder at `stamp`; no summary where it holds no run."""

    stamp: str
    summary: RunSummary | None


def runs_in(folder: Path) -> list[RunSummary]:
    """The runs right below `folder`, oldest first.

    Raises:
        UsageError: there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint="--runs names the folder of the runs; `edgeprune fit` makes it")
    known, found = _read(folder), {}
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False):
            continue
        with suppress(FileNotFoundError):  # removed at this moment
            stamp, before = _stamp(entry), known.get(entry.name)
            if before is None or before.stamp != stamp:
                before = _Known(stamp, summary_of(Path(entry.path)))
            found[entry.name] = before
    if found != known:
        with suppress(OSError):  # a folder that is only read has no index
            _write(folder, found)
    summaries = [one.summary for one in found.values() if one.summary is not None]
    return sorted(summaries, key=lambda summary: (summary.created, summary.name))


def _stamp(entry: os.DirEntry[str]) -> str:
    times = [entry.stat(follow_symlinks=False).st_mtime_ns]
    for name in (REQUEST, RECORD):
        try:
            times.append(os.stat(f"{entry.path}/{name}").st_mtime_ns)  # noqa: PTH116 - of thousands
        except OSError:
            times.append(0)
    return " ".join(map(str, times))


def _read(folder: Path) -> dict[str, _Known]:
    try:
        content = json.loads((folder / INDEX_NAME).read_bytes())
        if content["keys"] != list(RunSummary._fields):
            return {}
        return {
            name: _Known(stamp, None if summary is None else RunSummary(*summary))
            for name, (stamp, summary) in content["runs"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _write(folder: Path, found: dict[str, _Known]) -> None:
    """Keys are written once: the file is a third of the size, and read as much faster."""
    write_text(folder / INDEX_NAME, json.dumps({"keys": RunSummary._fields, "runs": found}) + "\n")
