"""An emulated board on a port of its own, which any program may open like a serial port."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeprune.device.emulator.emulator import COUNTED, emulator_arguments, find_emulator
from edgeprune.errors import ToolchainError

_PTY = re.compile(r"char device redirected to (\S+)")
_START_S = 10.0
_MAX_MESSAGE_BYTES = 65536


@contextmanager
def emulated_port(
    machine: str, elf: Path, more: tuple[str, ...] = COUNTED
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """QEMU with its first UART on a pseudo-terminal, until the block ends.

    Yields:
        The terminal's path, and QEMU's process.

    Raises:
        ToolchainError: QEMU is missing or does not start.
    """
    command = [find_emulator(), *emulator_arguments(machine, elf.resolve(), more), "-serial", "pty"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield _port(process), process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _port(process: subprocess.Popen[bytes]) -> str:
    messages = b""
    deadline_s = time.monotonic() + _START_S
    while process.stdout is not None and time.monotonic() < deadline_s and len(messages) < _MAX_MESSAGE_BYTES:
        line = process.stdout.readline()
        messages += line
        match = _PTY.search(line.decode(errors="replace"))
        if match:
            return match[1]
        if not line:
            break
    raise ToolchainError(f"QEMU does not start: {messages.decode(errors='replace').strip() or 'no message'}")
