"""Locks of files and folders. The system drops them when their process ends, however it ends; no clock is involved.

A lock is `flock`'s: it belongs to the open file, so no process number that is used again can be taken for its owner.
Where there is no `flock` (Windows, some network file systems) `take` raises OSError.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

from edgeprune.errors import UsageError

_NAME = ".lock"
_MAX_OWNER_BYTES = 200
_TRIES, _WAIT_S = 40, 0.05
_HELD: set[int] = set()
"""Files that are locked here. A process that is forked off would hold them on after this one was killed."""


def take(handle: int) -> bool:
    """Locks an open file until it is closed; False where somebody else holds it.

    Raises:
        OSError: files cannot be locked here.
    """
    try:
        import fcntl
    except ImportError:
        raise OSError("this system has no flock") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    _HELD.add(handle)
    return True


def close(handle: int) -> None:
    """Closes a file and drops its lock, where it has one."""
    _HELD.discard(handle)
    os.close(handle)


class FolderLock:
    """A folder that one process works in at a time; others are refused, in words that name it.

    Raises:
        UsageError: another process works in the folder.
        OSError: nothing can be written there.
    """

    def __init__(self, folder: Path):
        path = folder / _NAME
        self._handle: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            is_ours = take(self._handle)
        except OSError as problem:
            self.release()
            raise UsageError(
                f"{folder} cannot be locked: {problem.strerror or problem}", hint="choose a folder on a local disk"
            ) from problem
        if not is_ours:
            owner = _owner(self._handle)
            self.release()
            raise UsageError(f"{folder} is in use by {owner}", hint="wait until that has ended, or end it")
        try:
            os.ftruncate(self._handle, 0)
            os.write(self._handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Lets others in; nothing the second time."""
        handle, self._handle = self._handle, None
        if handle is not None:
            close(handle)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _owner(handle: int) -> str:
    """Who noted that the file is locked; the note of a dead one is about to be written over."""
    for _ in range(_TRIES):
        note = os.pread(handle, _MAX_OWNER_BYTES, 0).decode(errors="replace").strip()
        words = note.split()
        if len(words) == 4 and (words[3] != socket.gethostname() or _is_alive(words[1])):
            return note
        time.sleep(_WAIT_S)
    return "another process"


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except PermissionError:
        return True  # another user's
    except (OSError, ValueError, OverflowError):
        return False
    return True


def _drop_in_child() -> None:
    for handle in _HELD:
        with contextlib.suppress(OSError):
            os.close(handle)
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_in_child)
