"""Files and folders that are there whole or not at all.

The new content is written beside its destination under a hidden `.NAME.XXXXXXXX.part`, flushed to the disk, then
renamed over it. After an exception or Ctrl-C the temporary is gone and what was there before is untouched; after a kill
or a power cut the old or the new content is there, at worst with a `.part` beside it.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file(path: Path) -> Iterator[Path]:
    """A path to write the new content to; it becomes `path` when the block ends well.

    For writers that want a path (`torch.save`, `numpy.savez`, a compiler). A link is followed: its target is replaced.

    Raises:
        OSError: as the file system says it; `path` is untouched.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush(path.parent)


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill; it becomes `path`, in place of what was there, when the block ends well.

    A folder cannot be renamed over a full one, so an old one is first moved aside: cut off between these two renames,
    it is found whole under the `.part` name.

    Raises:
        OSError: as the file system says it; `path` is untouched.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, old = _beside(path), _beside(path)
    temporary.mkdir()
    try:
        yield temporary
        for member in (*temporary.rglob("*"), temporary):
            if not member.is_symlink():
                _flush(member)
        if path.exists():
            path.rename(old)
        temporary.rename(path)
    except BaseException:
        if old.exists() and not path.exists():
            old.rename(path)
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)
    _flush(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """`content` as the whole of `path`; folders above are made. Raises OSError, `path` untouched."""
    with file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """`content` as the whole of `path`, in UTF-8; folders above are made. Raises OSError, `path` untouched."""
    write_bytes(path, content.encode("utf-8"))


def point(link: Path, target: Path) -> None:
    """Make `link` a relative symbolic link to `target`, in place of the link that was there.

    Raises:
        OSError: as the file system says it; a real folder under that name is never replaced.
    """
    temporary = _beside(link)
    temporary.symlink_to(os.path.relpath(target, link.parent))
    try:
        temporary.replace(link)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
