"""Emulated boards that `edgeprune emulate` keeps running, so that other commands find them.

Each has a note in a folder of this user's alone, locked as long as its process lives. Folder and notes are opened
without following links and believed only where they are this user's: anybody may have been there first.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeprune.device.found import Ability, FoundDevice, Kind
from edgeprune.errors import UsageError
from edgeprune.files.names import is_name

_MAX_NOTE_BYTES = 4096
_OTHERS_MAY = 0o077
_SUFFIX = ".json"


def running_emulators() -> list[FoundDevice]:
    """Those of this user whose process is alive; notes of dead ones are removed."""
    if sys.platform == "win32":  # no pseudo-terminals, so none is ever announced
        return []
    emulators = []
    with contextlib.suppress(OSError), _opened(_folder()) as folder:
        for name in sorted(name for name in os.listdir(folder) if name.endswith(_SUFFIX)):  # noqa: PTH208 (a handle)
            with contextlib.suppress(OSError):
                emulators += _noted(folder, name)
    return emulators


@contextmanager
def announced(target: str, port: str, can_flash: bool) -> Iterator[None]:
    """`running_emulators` lists this process's emulator while the block runs.

    Raises:
        UsageError: the folder of notes is another user's, a link, or open to others.
    """
    import fcntl

    path, name = _folder(), f"{os.getpid()}{_SUFFIX}"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        folder = _open_folder(path)
    except OSError as error:
        raise UsageError(
            f"{path} is no folder of yours alone: {error.strerror}", hint="remove it, or set XDG_RUNTIME_DIR"
        ) from error
    try:
        _remove(folder, f".{name}")
        handle = os.open(f".{name}", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
        try:
            # Locked before it has its name: an unlocked note is a dead one's.
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.write(handle, json.dumps({"target": target, "port": port, "can_flash": can_flash}).encode())
            os.rename(f".{name}", name, src_dir_fd=folder, dst_dir_fd=folder)
            yield
        finally:
            _remove(folder, name)
            os.close(handle)
    finally:
        os.close(folder)


def _folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        return Path(runtime) / "edgeprune-emulators"
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "edgeprune" / "emulators"


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    folder = _open_folder(path)
    try:
        yield folder
    finally:
        os.close(folder)


def _open_folder(path: Path) -> int:
    """A handle on it. Raises OSError where it is a link, another user's, or others may read or write it."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    status = os.fstat(folder)
    if status.st_uid != os.getuid() or status.st_mode & _OTHERS_MAY:
        os.close(folder)
        raise PermissionError(1, "others own it or may open it", str(path))
    return folder


def _noted(folder: int, name: str) -> list[FoundDevice]:
    """The emulator a note is of; none where its process has ended, or the note is not one of ours."""
    import fcntl

    # A pipe would be waited for without O_NONBLOCK.
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            return []
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _described(os.read(handle, _MAX_NOTE_BYTES))
        _remove(folder, name)
        return []
    finally:
        os.close(handle)


def _described(note: bytes) -> list[FoundDevice]:
    try:
        data = json.loads(note)
    except (ValueError, RecursionError):
        return []
    if not isinstance(data, dict):
        return []
    target, port = data.get("target"), data.get("port")
    if not isinstance(target, str) or not is_name(target) or not isinstance(port, str) or not port.isprintable():
        return []
    flash = (Ability.FLASH,) if data.get("can_flash") is True else ()
    abilities = (*flash, Ability.CONSOLE, Ability.PROFILE)
    return [FoundDevice(Kind.EMULATOR, port, f"emulated {target}", (target,), abilities)]


def _remove(folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
