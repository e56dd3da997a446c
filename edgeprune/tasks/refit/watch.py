"""Files looked at every few seconds: new content is reported once it has stopped changing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edgeprune.files.atomic import write_text
from edgeprune.files.workspace import content_digest

_Stamp = tuple[tuple[str, int, int, int], ...]


def changes(
    paths: Sequence[Path],
    seen: Path,
    every_s: float,
    times: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """A value each time the content of the files or folders is another one than before.

    What is there at the very first look counts as seen; where something was missing then, its arrival is a change.
    Content counts as seen once the consumer asks for the next value, so that what a killed consumer was at is reported
    again. A file that is being written, or is missing, is waited for: two looks must find the same times and sizes.

    Args:
        seen: file that keeps the digests between two calls.
        times: end after so many changes, the last of them seen, too; None: never.
    """
    known = _read(seen, paths)
    if known is None and _stamp(paths) is None:
        known = dict.fromkeys(map(str, paths), "")
        _write(seen, known)
    reported = 0
    last: _Stamp | None = None
    looked_at: _Stamp | None = None
    while True:
        now = _stamp(paths)
        if now is not None and now == last and now != looked_at:
            digests = {str(path): content_digest(path) for path in paths}
            if _stamp(paths) == now:
                looked_at = now
                if known is not None and digests != known:
                    yield
                    reported += 1
                if digests != known:
                    known = digests
                    _write(seen, known)
                if reported == times:
                    return
        last = now
        sleep(every_s)


def _read(seen: Path, paths: Sequence[Path]) -> dict[str, str] | None:
    """None where nothing was seen of these files."""
    try:
        known = json.loads(seen.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return known if isinstance(known, dict) and set(known) == {str(path) for path in paths} else None


def _write(seen: Path, known: dict[str, str]) -> None:
    write_text(seen, json.dumps(known, indent=1) + "\n")


def _stamp(paths: Sequence[Path]) -> _Stamp | None:
    """Times, sizes and places on the disk of all files; None where something is missing."""
    found = []
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        if not files:
            return None
        for file in files:
            try:
                at = file.stat()
            except OSError:
                return None
            found.append((str(file), at.st_mtime_ns, at.st_size, at.st_ino))
    return tuple(found)
