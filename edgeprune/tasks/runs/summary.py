"""One run in a line: the few values of its record and its request that runs are told apart by."""

from __future__ import annotations

import json
import os
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

REQUEST, RECORD = "state.json", "run.json"
FINISHED, UNFINISHED, UNREADABLE = "finished", "unfinished", "unreadable"


class RunSummary(NamedTuple):
    """A run as `runs list` shows it; None where it is not known, as of a run that has not finished.

    A tuple: ten thousand of them are made a few times as fast as frozen dataclasses.

    Attributes:
        name: of its folder.
        state: `finished`, `unfinished` (interrupted, failed, or still at work) or `unreadable`.
        created: when it finished, else when it last noted a stage; ISO 8601, local time.
        score: of the int8 network on test samples, in the metric's unit.
        lower_is_better: the metric is an error.
        refit_of: the name of the run that it refits.
        latency_us: of one inference, predicted or measured.
        disk_bytes: of all files in its folder.
    """

    name: str
    state: str
    created: str
    target: str | None
    disk_bytes: int
    model: str | None = None
    criterion: str | None = None
    granularity: str | None = None
    schedule: str | None = None
    fits: bool | None = None
    metric: str | None = None
    score: float | None = None
    lower_is_better: bool = False
    drop_points: float | None = None
    flash_bytes: int | None = None
    flash_limit_bytes: int | None = None
    ram_bytes: int | None = None
    ram_limit_bytes: int | None = None
    latency_us: float | None = None
    latency_limit_us: float | None = None
    refit_of: str | None = None


def summary_of(folder: Path) -> RunSummary | None:
    """Of the run in `folder`; None where there is none, as where a comparison lies."""
    state = _parsed(folder / REQUEST)
    if state is None:
        return None
    try:
        request = state["request"]
        if "granularity" not in request:
            return None
        options = request["options"]
        asked: dict[str, Any] = {"criterion": _text(options["criterion"]), "granularity": _text(request["granularity"])}
        asked["schedule"] = None if options["schedule"] is None else _text(options["schedule"])
        refit_of = request.get("refit_of")
        asked["refit_of"] = None if refit_of is None else Path(_text(refit_of)).name
        target = Path(_text(request["target"])).stem
    except (KeyError, TypeError):
        return _unreadable(folder)
    record = _parsed(folder / RECORD)
    if record is None:
        return RunSummary(folder.name, UNFINISHED, _written(folder / REQUEST), target, _disk_bytes(folder), **asked)
    try:
        return _finished(folder, record, asked)
    except (KeyError, TypeError, ValueError, AttributeError):
        return _unreadable(folder)


def _finished(folder: Path, record: dict[str, Any], asked: dict[str, Any]) -> RunSummary:
    accuracy = record["accuracy"]
    measured_us, after_us = record["total_us"], record["after"]["latency_us"]
    limit_us = record["latency_limit_us"]
    return RunSummary(
        name=folder.name,
        state=FINISHED,
        created=datetime.fromisoformat(record["created"]).astimezone().isoformat(timespec="seconds"),
        target=_text(record["target"]),
        disk_bytes=_disk_bytes(folder),
        model=_text(record["model"]),
        **asked,
        fits=bool(record["fits"]),
        metric=_text(accuracy["metric"]),
        score=_number(accuracy["int8"]),
        lower_is_better=record.get("counted_error") is not None,
        drop_points=_number(record["drop_points"]),
        flash_bytes=int(_number(record["flash_bytes"])),
        flash_limit_bytes=int(_number(record["flash_limit_bytes"])),
        ram_bytes=int(_number(record["ram_bytes"])),
        ram_limit_bytes=int(_number(record["ram_limit_bytes"])),
        latency_us=next((_number(us) for us in (after_us, measured_us) if us is not None), None),
        latency_limit_us=None if limit_us is None else _number(limit_us),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise TypeError(f"{value!r} is no number")
    return value


def _parsed(path: Path) -> dict[str, Any] | None:
    """The file's object: an empty one where it holds none, None where there is no file."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _unreadable(folder: Path) -> RunSummary:
    return RunSummary(folder.name, UNREADABLE, _written(folder / REQUEST), None, _disk_bytes(folder))


def _written(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone().isoformat(timespec="seconds")


def _disk_bytes(folder: Path) -> int:
    """Of all files below; links are not followed."""
    return sum(
        os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - three times as quick over thousands of runs
        for place, _, names in os.walk(folder)
        for name in names
    )
