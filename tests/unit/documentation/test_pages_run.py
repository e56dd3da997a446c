"""Each page followed to the letter: its blocks of `sh`, in order, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.documentation.pages import PAGES, ROOT, blocks

FOLLOWED = [page for page in PAGES if blocks(page, "sh")]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.stem)
def test_it_can_be_followed(page: Path, tmp_path: Path) -> None:
    programs, site, work = tmp_path / "bin", tmp_path / "site", tmp_path / "work"
    for folder in (programs, site, work):
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
