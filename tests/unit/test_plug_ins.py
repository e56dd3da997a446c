"""Packages of others bring entries by their entry points; a broken one is named, with its remedy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgeprune.project.template import CRITERION, template

SHOW = "import sys; from edgeprune.cli.main import main; main(['criteria', 'show', 'my-criterion'])"


def installed(folder: Path, name: str, files: dict[str, bytes]) -> None:
    """As an installer leaves a package: its modules, and what it declares beside them."""
    for file, content in files.items():
        (folder / file).write_bytes(content)
    described = folder / f"{name}-0.1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (described / "entry_points.txt").write_text("[edgeprune.criteria]\nmy-criterion = my_criterion\n")


def shown(folder: Path) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).resolve().parents[2])
    environment = {"PYTHONPATH": f"{folder}:{root}", "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    return subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, env=environment)


def test_an_installed_package_brings_its_criterion(tmp_path: Path) -> None:
    installed(tmp_path, "mine", template(CRITERION))
    done = shown(tmp_path)
    assert done.returncode == 0 and "Largest weight of each channel" in done.stdout, done.stderr


@pytest.mark.parametrize("code", ["1 / 0\n", "from edgeprune.prune.scoring.criterion import criterion\n"
                                  "@criterion('l1')\ndef mine(rows): ...\n"])  # fmt: skip
def test_a_broken_one_is_named(tmp_path: Path, code: str) -> None:
    installed(tmp_path, "mine", {"my_criterion.py": code.encode()})
    done = shown(tmp_path)
    assert done.returncode == 2 and "pip uninstall mine" in done.stderr and "Traceback" not in done.stderr
