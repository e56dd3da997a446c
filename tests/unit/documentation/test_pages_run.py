"""Each page and worked example followed to the letter: its blocks of `sh`, in order, in a folder of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.documentation.pages import EXAMPLES, PAGES, ROOT, blocks

FOLLOWED = [page for page in PAGES if blocks(page, "sh")]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.stem)
def test_it_can_be_followed(page: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    _follow(page, tmp_path, tmp_path / "work")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.parent.name)
def test_an_example_can_be_followed(page: Path, tmp_path: Path) -> None:
    if page.parent.name == "keyword-spotting" and shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed: nobody says the words")
    shutil.copytree(page.parent, tmp_path / "work")
    _follow(page, tmp_path, tmp_path / "work")


def _follow(page: Path, root: Path, work: Path) -> None:
    programs, site = root / "bin", root / "site"
    for folder in (programs, site):
        folder.mkdir()
    for name, words in (("edgeprune", "-m edgeprune"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (programs / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": f"{site}:{ROOT}",
        "PIP_TARGET": str(site),  # packages of the page's own, not into this environment
        "OMP_NUM_THREADS": "1",
    }
    script = "set -eux\n" + "".join(blocks(page, "sh"))
    done = subprocess.run(["bash", "-c", script], cwd=work, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
