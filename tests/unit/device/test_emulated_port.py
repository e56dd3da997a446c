"""An emulator's port, with a program in QEMU's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.device.emulator import emulated_port as module
from edgeprune.device.emulator.emulated_port import emulated_port
from edgeprune.errors import ToolchainError


def standing_in(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "qemu"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(module, "find_emulator", lambda: str(program))
    monkeypatch.setattr(module, "emulator_arguments", lambda machine, elf, more: [])


def test_the_emulator_is_gone_when_the_block_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "char device redirected to /dev/pts/7 (label serial0)"
    standing_in(f"echo warming up; echo '{line}'; exec sleep 60", tmp_path, monkeypatch)
    with emulated_port("machine", tmp_path / "a.elf") as (port, process):
        assert port == "/dev/pts/7" and process.poll() is None
    assert process.returncode == -9 and process.stdout is not None and process.stdout.closed


def test_an_emulator_that_does_not_start_is_told_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing_in("echo 'qemu: unsupported machine type'; exit 1", tmp_path, monkeypatch)
    with (
        pytest.raises(ToolchainError, match="unsupported machine type"),
        emulated_port("machine", tmp_path / "a.elf"),
    ):
        pass
