"""Whole or not at all: after success, after an error, after Ctrl-C."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeprune.files import atomic

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt, OSError])
def test_an_interrupted_file_leaves_the_old_content_and_no_litter(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"old")
    with pytest.raises(interruption), atomic.file(path) as temporary:
        temporary.write_bytes(b"half")
        raise interruption
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.json"
    atomic.write_text(path, "é")
    atomic.write_text(path, "second")
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_has_the_permissions_of_a_plain_one(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    atomic.write_bytes(tmp_path / "atomic", b"")
    assert (tmp_path / "plain").stat().st_mode == (tmp_path / "atomic").stat().st_mode


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    atomic.write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_block_that_wrote_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("old")
    with pytest.raises(FileNotFoundError), atomic.file(tmp_path / "kept"):
        pass
    assert (tmp_path / "kept").read_text() == "old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_text("old")
    with pytest.raises(OSError, match="No space"), atomic.file(path) as temporary:
        temporary.unlink()
        temporary.symlink_to("/dev/full")
        temporary.write_text("x")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from edgeprune.files import atomic\n"
        "with atomic.file(Path(sys.argv[1])) as part: part.write_bytes(b'half'); os.kill(os.getpid(), 9)"
    )
    for name in ("a", "ab"):
        assert subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], env=ENVIRONMENT).returncode == -9
    (tmp_path / ".a.12345678.part.txt").touch()  # somebody else's
    assert len(list(tmp_path.iterdir())) == 3
    atomic.write_text(tmp_path / "a", "whole")
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left[:1] == [".a.12345678.part.txt"] and left[1].startswith(".ab.") and left[2:] == ["a"]
    atomic.sweep_all(tmp_path.parent)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.12345678.part.txt", "a"]


def test_what_a_living_writer_writes_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with atomic.file(path) as part:
        part.write_text("first")
        atomic.write_text(path, "second")
        atomic.sweep_all(tmp_path)
        assert path.read_text() == "second" and part.read_text() == "first"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_moves_to_its_new_target(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        atomic.point(tmp_path / "latest", tmp_path / name)
        assert (tmp_path / "latest").resolve() == tmp_path / name
    assert (tmp_path / "latest").readlink() == Path("two")


def test_a_link_never_replaces_a_folder(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    with pytest.raises(OSError):
        atomic.point(tmp_path / "latest", tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latest"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_new_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    atomic.create(tmp_path / "a", "é", mode=0o600)
    assert (tmp_path / "a").read_text("utf-8") == "é"
    with pytest.raises(FileExistsError):
        atomic.create(tmp_path / "a", "other", mode=0o600)
    full = os.open("/dev/full", os.O_WRONLY)
    (tmp_path / "b").touch()
    monkeypatch.setattr(os, "open", lambda path, flags, mode: full)
    with pytest.raises(OSError, match="No space"):
        atomic.create(tmp_path / "b", "x" * 10, mode=0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
