"""No program found on the way is run in place of the one that is meant: not in the user's folder, not from an index."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from edgeprune.errors import ToolchainError
from edgeprune.toolchain import monocypher
from edgeprune.toolchain.toolchain import find_toolchain

CANARY = "from pathlib import Path; Path({path!r}).touch()\n"


def planted(folder: Path, name: str) -> Path:
    canary = folder / f"{name}-ran"
    (folder / f"{name}.py").write_text(CANARY.format(path=str(canary)))
    return canary


def test_a_module_in_the_users_folder_is_not_the_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = planted(tmp_path, "ziglang")
    monkeypatch.chdir(tmp_path)
    toolchain = find_toolchain("zig")
    done = toolchain.run(("--version",), tmp_path)
    assert done.returncode == 0 and "clang" in done.stdout
    assert not canary.exists()


@pytest.fixture
def no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip sees one folder and nothing else."""
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("EDGEPRUNE_MONOCYPHER", raising=False)
    return links


def test_a_module_in_the_users_folder_is_not_pip(
    no_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = planted(tmp_path, "pip")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ToolchainError, match="pip cannot fetch"):
        monocypher.monocypher_sources()
    assert not canary.exists()


def sdist(folder: Path, canary: Path) -> bytes:
    """An archive of that name whose setup.py touches `canary`, and which asks for something to build it with."""
    name = f"pymonocypher-{monocypher.VERSION}"
    files = {
        "setup.py": CANARY.format(path=str(canary)) + "from setuptools import setup; setup()\n",
        "setup.cfg": f"[metadata]\nname = pymonocypher\nversion = {monocypher.VERSION}\n",
        "PKG-INFO": f"Metadata-Version: 1.0\nName: pymonocypher\nVersion: {monocypher.VERSION}\n",
        "pyproject.toml": '[build-system]\nrequires = ["no-such-builder", "setuptools"]\n',
        "monocypher.c": "code",
        "monocypher.h": "header",
    }
    path = folder / f"{name}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for file_name, text in files.items():
            member = tarfile.TarInfo(f"{name}/{file_name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path.read_bytes()


def test_an_archive_with_another_digest_is_not_even_unpacked(no_index: Path, tmp_path: Path) -> None:
    canary = tmp_path / "setup-ran"
    sdist(no_index, canary)
    with pytest.raises(ToolchainError, match="pip cannot fetch"):
        monocypher.monocypher_sources()
    assert not canary.exists()
    assert not (tmp_path / "cache").exists()


def test_the_archive_that_is_meant_is_read_and_nothing_of_it_runs(
    no_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its build script nor what it asks to be built with, which pip would fetch without a digest."""
    canary = tmp_path / "setup-ran"
    archive = sdist(no_index, canary)
    texts = {"monocypher.c": "code", "monocypher.h": "header"}
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    monkeypatch.setattr(monocypher, "_SDIST_DIGEST", hashlib.sha256(archive).hexdigest())
    monkeypatch.setattr(monocypher, "_DIGESTS", digests)
    assert monocypher.monocypher_sources() == texts
    assert not canary.exists()


def test_every_python_we_start_leaves_the_working_folder_out() -> None:
    """`-P` or `-I` wherever a module is run by name."""
    root = Path(__file__).resolve().parents[3]
    found = subprocess.run(
        ["git", "grep", "-n", "sys.executable", "--", "edgeprune"], cwd=root, capture_output=True, text=True
    )
    if found.returncode > 1:
        pytest.skip("not a checkout")
    lines = [line for line in found.stdout.splitlines() if '"-' in line]
    assert lines and all('"-P"' in line or '"-ISc"' in line for line in lines)
