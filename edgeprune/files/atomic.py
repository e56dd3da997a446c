"""Files that are there whole or not at all.

The new content is written beside its destination under a hidden `.NAME.XXXXXXXX.part`, flushed to the disk, then
renamed over it. After an exception or Ctrl-C the temporary is gone and what was there before is untouched; after a kill
or a power cut the old or the new content is there, at worst with a `.part` beside it, which the next writer of the same
file removes. A `.part` is locked while it is written, so that only those of dead writers are removed.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeprune.files import lock

_PART = re.compile(r"\.[0-9a-f]{8}\.part$")


@contextmanager
def file(path: Path) -> Iterator[Path]:
    """A path to write the new content to; it becomes `path` when the block ends well.

    For writers that need a path (`torch.save`, `numpy.savez`, a compiler). A link is followed: its target is replaced.

    Raises:
        OSError: the file system's; `path` is untouched.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, path.name)
    temporary, handle = _locked_beside(path)
    try:
        os.utime(handle, (0, 0))
        yield temporary
        _flush(temporary)
        if temporary.stat().st_mtime_ns == 0:
            raise FileNotFoundError(f"nothing was written for {path}")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        lock.close(handle)
    _flush(path.parent)


def sweep(folder: Path, name: str) -> None:
    """Removes what killed writers of `name` left in the folder; what cannot be removed stays."""
    with suppress(OSError):
        for entry in os.scandir(folder):
            if _PART.sub("", entry.name) == f".{name}":
                _remove_if_dead(Path(entry.path))


def sweep_all(folder: Path) -> None:
    """Removes what killed writers left anywhere under the folder; links are not followed."""
    for place, _, names in os.walk(folder):
        for name in names:
            if name.startswith(".") and _PART.search(name):
                _remove_if_dead(Path(place) / name)


def write_bytes(path: Path, content: bytes) -> None:
    """`content` as the whole of `path`; folders above are made. Raises OSError, `path` untouched."""
    with file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """`content` as the whole of `path`, in UTF-8; folders above are made. Raises OSError, `path` untouched."""
    write_bytes(path, content.encode("utf-8"))


def create(path: Path, content: str, mode: int) -> None:
    """`content` as a new file, in UTF-8. What is there, be it a link to nothing, is neither replaced nor followed.

    Raises:
        FileExistsError: something of that name is there.
        OSError: the file system's; no file is left then.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    _flush(path.parent)


def point(link: Path, target: Path) -> None:
    """Make `link` a relative symbolic link to `target`, in place of the link that was there.

    Raises:
        OSError: the file system's; a real folder under that name is never replaced.
    """
    sweep(link.parent, link.name)
    temporary = _beside(link)
    temporary.symlink_to(os.path.relpath(target, link.parent))
    try:
        temporary.replace(link)
    except FileNotFoundError:  # swept by another process, links have no locks: it is the other's turn
        temporary.unlink(missing_ok=True)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def _locked_beside(path: Path) -> tuple[Path, int]:
    """A new empty file beside `path`, and its handle, which keeps others from sweeping it away."""
    while True:
        temporary = _beside(path)
        handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with suppress(OSError):  # where there are no locks, nothing is swept
            if not lock.take(handle) or not temporary.exists():  # swept before it was locked
                lock.close(handle)
                continue
        return temporary, handle


def _remove_if_dead(part: Path) -> None:
    with suppress(OSError):
        if part.is_symlink():  # of `point`, there for a moment only
            part.unlink()
            return
        handle = os.open(part, os.O_RDWR | os.O_NOFOLLOW)
        try:
            if lock.take(handle):
                part.unlink()
        finally:
            lock.close(handle)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
