"""The wheel carries what an installed EdgePrune needs, and finds it there."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built offline from the checkout by hatchling itself."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def files_under(folder: str) -> set[str]:
    root = ROOT / folder
    return {
        f"{folder}/{path.relative_to(root)}"
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_it_carries_every_target_and_all_firmware(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {name.removeprefix("edgeprune/_shipped/") for name in names if name.startswith("edgeprune/_shipped/")}
    assert shipped == files_under("targets") | files_under("firmware")


def test_it_carries_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("edgeprune/_shipped/")}
    beside = {name for name in names if not name.startswith("edgeprune/")}
    assert names - beside == files_under("edgeprune")
    assert all(".dist-info/" in name for name in beside)


def test_installed_it_finds_its_files_and_starts(wheel: Path, tmp_path: Path) -> None:
    """In an environment that holds nothing else: `--help` needs click, so only the finding is asked of it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    script = "from edgeprune.files.shipped import shipped; print(shipped('targets')); print(shipped('firmware'))"
    python = tmp_path / "venv" / "bin" / "python"
    done = subprocess.run([python, "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    targets, firmware = (Path(line) for line in done.stdout.splitlines())
    assert site in targets.parents
    assert (targets / "cortex-m" / "cortex-m4.toml").is_file()
    assert (firmware / "include" / "ep_model.h").is_file()
