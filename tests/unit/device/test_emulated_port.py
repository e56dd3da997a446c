"""An emulator's port, with a program in QEMU's place."""

from __future__ import annotations

import os
import sys
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


ANSWERS = """
import os, sys, socket, time
fds = [int(word.rpartition("=")[2]) for word in sys.argv if word.startswith("socket,id=")]
uart, control = (socket.socket(fileno=fd) for fd in fds)
control.recv(100)
control.send(b'{"QMP": 0}{"return": {}}')
uart.send(b"boot" + uart.recv(3))
time.sleep(60)
"""


def test_bytes_go_both_ways_and_the_emulator_is_gone_when_the_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "qemu.py").write_text(ANSWERS)
    standing_in(f'exec {sys.executable} {tmp_path / "qemu.py"} "$@"', tmp_path, monkeypatch)
    with emulated_port("machine", tmp_path / "a.elf") as (port, process):
        client = os.open(port, os.O_RDWR | os.O_NOCTTY)
        os.write(client, b"\x00\r\n")
        received = b""
        while len(received) < 7:
            received += os.read(client, 7)
        os.close(client)
        assert received == b"boot\x00\r\n" and process.poll() is None
    assert process.returncode == -9


def test_a_port_without_an_emulator_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    held = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ToolchainError, match="is not installed"), emulated_port("machine", tmp_path / "a.elf"):
        pass
    assert len(list(Path("/proc/self/fd").iterdir())) == held


def test_an_emulator_that_does_not_start_is_told_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing_in("echo 'qemu: unsupported machine type'; exit 1", tmp_path, monkeypatch)
    with (
        pytest.raises(ToolchainError, match="unsupported machine type"),
        emulated_port("machine", tmp_path / "a.elf"),
    ):
        pass
