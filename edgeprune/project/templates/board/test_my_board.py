"""The board is known, an image is linked with its own board.c, boots in QEMU, and answers with LiteRT's bytes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeprune.hardware.registry import load_target

HAS_TOOLS = shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-gcc")


def edgeprune(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-P", "-m", "edgeprune", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_edgeprune_knows_it() -> None:
    target = load_target("my-board")
    assert target.firmware is not None and target.firmware.board == "my-board"


@pytest.mark.skipif(not HAS_TOOLS, reason="qemu-system-arm or arm-none-eabi-gcc is not installed")
def test_it_boots_and_its_bytes_are_right(tmp_path: Path) -> None:
    edgeprune(tmp_path, "init")
    edgeprune(tmp_path, "export", "--format", "int8", "--out", "digits.tflite")
    assert "the same bytes as LiteRT's" in edgeprune(tmp_path, "build", "digits.tflite", "--target", "my-board")
