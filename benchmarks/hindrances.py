"""What may stand in a fit's way, put up for one process or one folder."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import kept
from forked import Started
from trials import Trials

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


def obey_modes() -> None:
    """Drops CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by capget(2) and capset(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    sets[0] &= ~0b110
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def leap(days: int) -> None:
    """What this process takes for the time of day."""
    now, local, formatted = time.time, time.localtime, time.strftime
    time.time = lambda: now() + 86400 * days
    time.localtime = lambda seconds=None: local(time.time() if seconds is None else seconds)
    time.strftime = lambda form, of=None: formatted(form, time.localtime() if of is None else of)


def temporary_files_in(folder: Path) -> None:
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None


def with_clock(trials: Trials, note: Path, *arguments: str) -> Started:
    """A process of its own that imports everything itself: libfaketime is loaded with it."""

    def run() -> None:
        environment = os.environ | {
            "LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(note), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "PYTHONPATH": str(kept.ROOT),
        }  # fmt: skip
        os.execve(sys.executable, [sys.executable, "-m", "edgeprune", *arguments], environment)

    return trials.start(*arguments, prepare=run)


@contextmanager
def disk(place: Path, size_kib: int) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "none", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
