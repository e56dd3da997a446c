"""The folder of one run, and what of it is already done, so that a fit killed at any moment can go on.

A fit is a line of named stages. `once` computes a stage and notes its result, or gives back the noted result of an
earlier attempt. A stage writes its files before it returns; the note in `state.json` is what makes them count.

One process works in the folder at a time: it is locked until the `with` block of the workspace ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeprune.errors import UsageError
from edgeprune.files.atomic import point, sweep_all, write_text
from edgeprune.files.lock import FolderLock
from edgeprune.release import __version__

_STATE = "state.json"


@dataclass(frozen=True)
class _State:
    """The content of `state.json`.

    begun_by: the version of EdgePrune. kept: digests of what stages wrote, by stage.
    """

    begun_by: str
    request: dict[str, Any]
    notes: dict[str, Any]
    seconds: dict[str, float]
    kept: dict[str, str]

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()


class Workspace:
    """One run's folder. Stage results are JSON values."""

    def __init__(self, folder: Path, lock: FolderLock, state: _State):
        self.folder = folder
        self.request = state.request
        self._lock = lock
        self._state = state

    @staticmethod
    def begin(runs: Path, name: str, request: dict[str, Any]) -> Workspace:
        """A new folder under `runs`; `runs/latest` points to it.

        Args:
            name: preferred folder name; a number is added where it is taken.
            request: everything that decides the outcome; a resumed run must ask for the same.
        """
        runs.mkdir(parents=True, exist_ok=True)
        folder = _new_folder(runs, name)
        workspace = Workspace._create(folder, request)
        try:
            point(runs / "latest", folder)
        except BaseException:
            workspace.close()
            raise
        return workspace

    @staticmethod
    def begin_at(folder: Path, request: dict[str, Any]) -> Workspace:
        """A new run in the very folder.

        Raises:
            UsageError: another process works there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        return Workspace._create(folder, request)

    @staticmethod
    def resume(folder: Path) -> Workspace:
        """The run in `folder`, as far as it got. What a killed attempt was still writing is removed.

        Raises:
            UsageError: no run was begun there, another process works on it, its state is damaged, or another version of
                EdgePrune began it.
        """
        folder = folder.resolve()
        begun_by = _read(folder).begun_by
        if begun_by != __version__:
            raise UsageError(
                f"{folder} was begun by EdgePrune {begun_by}; this is {__version__}",
                hint="install that version again, or start a new run without --resume",
            )
        lock = FolderLock(folder)
        try:
            state = _read(folder)  # another attempt may have gone on in between
            sweep_all(folder)
        except BaseException:
            lock.release()
            raise
        return Workspace(folder, lock, state)

    @staticmethod
    def _create(folder: Path, request: dict[str, Any]) -> Workspace:
        workspace = Workspace(folder, FolderLock(folder), _State(__version__, request, {}, {}, {}))
        try:
            workspace._save()
        except BaseException:
            workspace.close()
            raise
        return workspace

    def close(self) -> None:
        """Lets other processes work in the folder; nothing is noted any more."""
        self._lock.release()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def once(self, stage: str, compute: Callable[[], Any], kept: Path | None = None) -> Any:
        """The stage's result: noted earlier, or computed now and noted.

        Args:
            kept: file or folder that `compute` writes and that is read again later; a note counts with its content.

        Raises:
            UsageError: noted earlier, and `kept` holds something else now.
        """
        notes, seconds = self._state.notes, self._state.seconds
        if stage not in notes:
            started = time.monotonic()
            result = compute()
            seconds[stage] = round(time.monotonic() - started, 3)
            notes[stage] = result
            if kept is not None:
                self._state.kept[stage] = content_digest(kept)
            self._save()
        elif kept is not None and self._state.kept.get(stage) != content_digest(kept):
            raise UsageError(
                f"{kept} is not what the stage '{stage}' wrote: it was changed or removed since",
                hint="start a new run without --resume",
            )
        return notes[stage]

    @property
    def seconds_by_stage(self) -> dict[str, float]:
        return dict(self._state.seconds)

    def _save(self) -> None:
        content = asdict(self._state) | {"digest": self._state.digest}
        write_text(self.folder / _STATE, json.dumps(content, indent=1) + "\n")


def request_of(folder: Path) -> dict[str, Any]:
    """What was asked of the run in `folder`, which is only looked at.

    Raises:
        UsageError: no run was begun there, or its state is damaged.
    """
    return _read(folder).request


def content_digest(path: Path) -> str:
    """Of a file, or of all files in a folder and their names; nothing there has a digest, too."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            content = file.read_bytes()
            digest.update(f"{file.relative_to(path.parent).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _new_folder(runs: Path, name: str) -> Path:
    for number in itertools.count(1):
        folder = runs / (name if number == 1 else f"{name}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError("numbers do not end")


def _read(folder: Path) -> _State:
    path = folder / _STATE
    try:
        content = json.loads(path.read_bytes())
        digest = content.pop("digest")
        state = _State(**content)
        if digest != state.digest:
            raise ValueError("other content than was written")
        return state
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{folder} holds no run to resume", hint="name a folder under runs/, or start anew") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(
            f"{path} is damaged, or of an older version of EdgePrune", hint="start anew without --resume"
        ) from None
