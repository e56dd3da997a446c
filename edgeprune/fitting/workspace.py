"""The folder of one run, and what of it is already done, so that a fit killed at any moment can go on.

A fit is a line of named stages. `once` computes a stage and notes its result, or gives back the noted result of an
earlier attempt. A stage writes its files before it returns; the note in `state.json` is what makes them count.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeprune.atomic import point, write_text
from edgeprune.errors import UsageError

_STATE = "state.json"


class Workspace:
    """One run's folder. Stage results are JSON values."""

    def __init__(self, folder: Path, request: dict[str, Any], notes: dict[str, Any], seconds: dict[str, float]):
        self.folder = folder
        self.request = request
        self._notes = notes
        self._seconds = seconds

    @staticmethod
    def begin(runs: Path, name: str, request: dict[str, Any]) -> Workspace:
        """A new folder under `runs`; `runs/latest` points to it.

        Args:
            name: wished-for folder name; a number is added where it is taken.
            request: everything that decides the outcome; a resumed run must ask for the same.
        """
        runs.mkdir(parents=True, exist_ok=True)
        number = 1
        folder = runs / name
        while folder.exists():
            number += 1
            folder = runs / f"{name}-{number}"
        folder.mkdir()
        workspace = Workspace(folder, request, {}, {})
        workspace._save()
        point(runs / "latest", folder)
        return workspace

    @staticmethod
    def resume(folder: Path) -> Workspace:
        """The run in `folder`, as far as it got.

        Raises:
            UsageError: no run was begun there, or its state is damaged.
        """
        path = folder.resolve() / _STATE
        try:
            state = json.loads(path.read_bytes())
            return Workspace(path.parent, state["request"], state["notes"], state["seconds"])
        except FileNotFoundError:
            raise UsageError(
                f"{folder} holds no run to resume", hint="name a folder under runs/, or start anew"
            ) from None
        except (json.JSONDecodeError, KeyError, TypeError):
            raise UsageError(f"{path} is damaged", hint="start anew without --resume") from None

    def once(self, stage: str, compute: Callable[[], Any]) -> Any:
        """The stage's result: noted earlier, or computed now and noted."""
        if stage not in self._notes:
            started = time.monotonic()
            result = compute()
            self._seconds[stage] = round(time.monotonic() - started, 3)
            self._notes[stage] = result
            self._save()
        return self._notes[stage]

    def is_done(self, stage: str) -> bool:
        return stage in self._notes

    @property
    def seconds_by_stage(self) -> dict[str, float]:
        return dict(self._seconds)

    def _save(self) -> None:
        state = {"request": self.request, "notes": self._notes, "seconds": self._seconds}
        write_text(self.folder / _STATE, json.dumps(state, indent=1) + "\n")
