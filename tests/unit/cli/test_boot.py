"""`edgeprune boot keys`: a pair under the name that was given, and never a lost key."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edgeprune.device.image.application import PUBLIC_KEY_BYTES, SECRET_KEY_BYTES, read_key
from tests.unit.cli.conftest import Cli


@pytest.mark.parametrize("name", ["mine", "release-1.2", "a.key", ".hidden", "v1."])
def test_the_files_are_called_as_asked(cli: Cli, tmp_path: Path, name: str) -> None:
    done = cli("boot", "keys", str(tmp_path / "new" / name), "--json")
    assert done.exit_code == 0, done.stderr
    files = {path.name: path for path in (tmp_path / "new").iterdir()}
    assert set(files) == {f"{name}.key", f"{name}.pub"}
    assert stat.S_IMODE(files[f"{name}.key"].stat().st_mode) == 0o600
    assert len(read_key(files[f"{name}.key"], SECRET_KEY_BYTES)) == SECRET_KEY_BYTES
    assert read_key(files[f"{name}.pub"], PUBLIC_KEY_BYTES).hex() == done.data["public_key"]


@pytest.mark.parametrize("kept", ["a.key", "a.pub"])
def test_neither_key_is_ever_overwritten(cli: Cli, tmp_path: Path, kept: str) -> None:
    """The secret key is moved to a safe place: its public one stays what boards are built with."""
    assert cli("boot", "keys", str(tmp_path / "a")).exit_code == 0
    for path in tmp_path.iterdir():
        if path.name != kept:
            path.rename(tmp_path / "moved away")
    content = (tmp_path / kept).read_text()
    again = cli("boot", "keys", str(tmp_path / "a"))
    assert again.exit_code == 2 and f"{kept} is there already" in again.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([kept, "moved away"])
    assert (tmp_path / kept).read_text() == content


@pytest.mark.parametrize("kind", ["key", "pub"])
def test_no_link_is_followed(cli: Cli, tmp_path: Path, kind: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / f"a.{kind}").symlink_to(elsewhere / "b")
    done = cli("boot", "keys", str(keys / "a"))
    assert done.exit_code == 2 and "is there already" in done.stderr
    assert list(elsewhere.iterdir()) == []
    assert [path.name for path in keys.iterdir()] == [f"a.{kind}"]


@pytest.mark.parametrize("name", ["..", "/", "."])
def test_no_name_is_refused(cli: Cli, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli("boot", "keys", name).exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_an_error(cli: Cli, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert cli("boot", "keys", str(tmp_path / "a")).exit_code == 1
