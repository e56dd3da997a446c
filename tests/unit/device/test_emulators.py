"""The notes of running emulators, where somebody else was first: nothing of theirs is believed, followed or deleted."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edgeprune.device.discovery.emulators import announced, running_emulators
from edgeprune.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
NOTE = json.dumps({"target": "mps2-an386", "port": "/dev/pts/9", "can_flash": True})
SOMEBODY = 12345
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="making another user's files needs root")

# Holds a note as a running emulator does, until its input ends.
HOLDER = """
import sys
from edgeprune.device.discovery.emulators import announced
with announced(sys.argv[1], sys.argv[2], True):
    print("there", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def folder(runtime: Path) -> Path:
    made = runtime / "edgeprune-emulators"
    made.mkdir(mode=0o700)
    return made


def held(target: str, port: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, target, port], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline() == b"there\n"
    return process


def test_another_process_finds_it_until_it_ends_in_whatever_way(runtime: Path) -> None:
    process = held("mps2-an386", "/dev/pts/9")
    try:
        (found,) = running_emulators()
        assert (found.address, found.targets) == ("/dev/pts/9", ("mps2-an386",))
        process.kill()
        process.wait()
        assert running_emulators() == []
        assert list((runtime / "edgeprune-emulators").iterdir()) == []
    finally:
        process.kill()
        process.communicate()


def test_a_note_of_a_dead_process_is_none_of_the_next_one_with_its_number(folder: Path) -> None:
    (folder / f"{os.getppid()}.json").write_text(NOTE)
    assert running_emulators() == []


def test_a_folder_that_is_a_link_is_not_followed(runtime: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "1.json").write_text("precious")
    (elsewhere / "package.json").write_text("precious")
    (runtime / "edgeprune-emulators").symlink_to(elsewhere)
    assert running_emulators() == []
    with pytest.raises(UsageError, match="no folder of yours alone"), announced("a", "/dev/pts/9", False):
        pass
    assert sorted(path.name for path in elsewhere.iterdir()) == ["1.json", "package.json"]


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o755, 0o711])
def test_a_folder_others_may_open_is_not_believed(folder: Path, mode: int) -> None:
    process = held("mps2-an386", "/dev/pts/9")
    try:
        assert len(running_emulators()) == 1
        folder.chmod(mode)
        assert running_emulators() == []
        with pytest.raises(UsageError, match="no folder of yours alone"), announced("a", "/dev/pts/9", False):
            pass
    finally:
        folder.chmod(0o700)
        process.communicate(b"")


@needs_root
def test_another_users_folder_is_not_believed(folder: Path) -> None:
    (folder / "1.json").write_text(NOTE)
    os.chown(folder, SOMEBODY, SOMEBODY)
    assert running_emulators() == []
    assert (folder / "1.json").exists()
    with pytest.raises(UsageError, match="no folder of yours alone"), announced("a", "/dev/pts/9", False):
        pass


@needs_root
def test_another_users_note_is_not_believed(folder: Path) -> None:
    (folder / "1.json").write_text(NOTE)
    os.chown(folder / "1.json", SOMEBODY, SOMEBODY)
    assert running_emulators() == []
    assert (folder / "1.json").exists()


def test_what_is_no_plain_file_is_passed_over(folder: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text(NOTE)
    (folder / "1.json").symlink_to(precious)
    (folder / "2.json").mkdir()
    os.mkfifo(folder / "3.json")
    (folder / "4.json").symlink_to(tmp_path / "nothing")
    (folder / "-1.json").write_text(NOTE)
    (folder / ("9" * 200 + ".json")).write_text(NOTE)
    assert running_emulators() == []
    assert precious.read_text() == NOTE
    assert stat.S_ISFIFO((folder / "3.json").stat().st_mode)


def test_a_link_to_a_held_note_is_not_followed(folder: Path, tmp_path: Path) -> None:
    import fcntl

    elsewhere = tmp_path / "held"
    elsewhere.write_text(NOTE)
    (folder / "1.json").symlink_to(elsewhere)
    with elsewhere.open() as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        assert running_emulators() == []
        (folder / "2.json").hardlink_to(elsewhere)
        (found,) = running_emulators()
    assert found.address == "/dev/pts/9"


@pytest.mark.parametrize(
    "note",
    [
        "", "not json", "[]", "null", "[" * 4000, '{"target": 1, "port": "x"}', '{"target": "x"}', "{}",
        json.dumps({"target": "\x1b[2J", "port": "/dev/pts/9"}), json.dumps({"target": "x", "port": "\x1b]0;x\x07"}),
        json.dumps({"target": "x", "port": ["y"]}), NOTE[:-1], "x" * 10_000, "\udcff",
    ],
)  # fmt: skip
def test_a_held_note_that_says_nonsense_is_passed_over(folder: Path, note: str) -> None:
    import fcntl

    path = folder / "7.json"
    path.write_text(note, errors="surrogateescape")
    with path.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert running_emulators() == []


def test_without_a_runtime_folder_it_lies_in_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the shared folder of temporary files, where anybody may be first."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with announced("mps2-an386", "/dev/pts/9", False):
        made = tmp_path / "home" / ".local" / "state" / "edgeprune" / "emulators"
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        assert [stat.S_IMODE(note.stat().st_mode) for note in made.iterdir()] == [0o600]
        assert len(running_emulators()) == 1
