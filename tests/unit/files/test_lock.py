"""One process works in a folder at a time; a dead one's lock is no obstacle, whatever number it had."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from edgeprune.errors import UsageError
from edgeprune.files.lock import FolderLock

HOLD = """
import os, sys, time
from pathlib import Path
from edgeprune.files.lock import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    {then}
"""


def holder(folder: Path, then: str) -> subprocess.Popen[str]:
    """A process that holds the folder's lock when this returns."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(then=then), str(folder)],
        stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_the_second_is_refused_in_words_that_name_the_first(tmp_path: Path) -> None:
    with holder(tmp_path, "time.sleep(60)") as process:
        with pytest.raises(UsageError, match=rf"is in use by process {process.pid} on ") as refused:
            FolderLock(tmp_path)
        assert refused.value.hint
        process.kill()
    with FolderLock(tmp_path):
        pass


def test_a_killed_owner_is_no_obstacle_though_its_children_live_and_its_number_is_used_again(tmp_path: Path) -> None:
    """What it forked off inherits its open files; the note holds a number that is this living process's."""
    forked = """here, there = os.pipe()
    if os.fork() == 0:
        os.write(there, b"!")
        time.sleep(60)
    os.read(here, 1)
    os.kill(os.getpid(), 9)"""
    with holder(tmp_path, forked) as process:
        process.wait()
        (tmp_path / ".lock").write_text(f"process {os.getpid()} on here\n")
        os.utime(tmp_path / ".lock", (2**31, 2**31))  # a clock set back since
        try:
            with FolderLock(tmp_path):
                pass
        finally:
            os.killpg(process.pid, 9)


def test_a_dead_process_is_not_named(tmp_path: Path) -> None:
    """The note of the owner before, which the one that holds the lock has not yet written over."""
    with holder(tmp_path, "time.sleep(60)") as process:
        (tmp_path / ".lock").write_text(f"process 4194305 on {socket.gethostname()}\n")  # above the highest number
        with pytest.raises(UsageError, match="is in use by another process"):
            FolderLock(tmp_path)
        process.kill()


def test_one_process_does_not_lock_twice_and_lets_go(tmp_path: Path) -> None:
    with FolderLock(tmp_path), pytest.raises(UsageError, match=f"process {os.getpid()}"):
        FolderLock(tmp_path)
    held = FolderLock(tmp_path)
    held.release()
    held.release()
    FolderLock(tmp_path).release()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".lock").symlink_to(tmp_path / "other")
    with pytest.raises(OSError):
        FolderLock(tmp_path / "folder")
    assert not (tmp_path / "other").exists()
