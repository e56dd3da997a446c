"""Which runs must stay, and why; and taking away those that need not.

A run goes in one step: its folder is locked, then renamed to a hidden one, then emptied. Whoever lists runs sees it
whole or not at all; what a killed removal left is taken away by the next.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from edgeprune.errors import UsageError
from edgeprune.files.lock import FolderLock
from edgeprune.tasks.runs.summary import FINISHED, UNFINISHED, RunSummary
from edgeprune.tasks.runs.tags import why_tagged
from edgeprune.tasks.sweep.table import why_sweeps_need

_REMOVED = ".removed-"


def why_needed(runs: Path, summaries: Sequence[RunSummary]) -> dict[str, str]:
    """Name of a run that must stay -> why, of those in the folder `runs`."""
    needed = why_tagged(runs)
    for trial, why in why_sweeps_need(runs, [run.name for run in summaries]).items():
        needed.setdefault(trial, why)
    for run in summaries:
        if run.refit_of is not None and run.state == UNFINISHED:
            needed.setdefault(run.refit_of, f"{run.name} refits it, and has not finished")
    return needed


def garbage(
    summaries: Sequence[RunSummary], states: Collection[str], keep: int, least_age: timedelta, now: datetime
) -> list[RunSummary]:
    """Runs in one of the states, and finished ones beyond the `keep` newest of their target, if old enough.

    Args:
        summaries: oldest first.
        states: `unfinished`, `unreadable`: a run that cannot be read may be a finished one on a disk with a fault.
        now: with a time zone.
    """
    newer: dict[str | None, int] = {}
    found = []
    for run in reversed(summaries):
        if now - datetime.fromisoformat(run.created) < least_age:
            is_garbage = False
        elif run.state != FINISHED:
            is_garbage = run.state in states
        else:
            is_garbage = newer.get(run.target, 0) >= keep
        if run.state == FINISHED:
            newer[run.target] = newer.get(run.target, 0) + 1
        if is_garbage:
            found.append(run)
    return found[::-1]


def remove_runs(runs: Path, names: Iterable[str], needed: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Removes runs from the folder `runs`.

    Args:
        needed: as `why_needed`, looked up by the caller; tags set since then count, too.

    Returns:
        Those removed; those that stayed -> why.
    """
    sweep_removed(runs)
    removed, stayed = [], {}
    for name in names:
        if name in needed:
            stayed[name] = needed[name]
            continue
        try:
            _remove(runs / name)
            removed.append(name)
        except UsageError as busy:
            stayed[name] = busy.message
        except FileNotFoundError:
            stayed[name] = "it is gone already"
        except OSError as problem:
            stayed[name] = f"it cannot be removed: {problem.strerror or problem}"
    latest = runs / "latest"
    if latest.is_symlink() and not latest.exists():
        latest.unlink()
    return removed, stayed


def _remove(folder: Path) -> None:
    """What cannot be emptied now, or is emptied by another removal at this moment, is left to the next.

    Raises:
        UsageError: a process works there, or it was tagged meanwhile.
        OSError: it is gone, or cannot be taken away.
    """
    with FolderLock(folder):
        tagged = why_tagged(folder.parent).get(folder.name)
        if tagged is not None:
            raise UsageError(tagged)
        gone = folder.with_name(f"{_REMOVED}{secrets.token_hex(4)}")
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def sweep_removed(runs: Path) -> None:
    """Takes away what killed removals left."""
    for entry in os.scandir(runs):
        if entry.name.startswith(_REMOVED):
            shutil.rmtree(entry.path, ignore_errors=True)
