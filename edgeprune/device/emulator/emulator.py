"""QEMU as a device: a machine, an image, and its first UART on a socket that only this process holds."""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from edgeprune.device.emulator.debug_port import DebugPort
from edgeprune.device.emulator.process import start_emulator
from edgeprune.errors import DeviceError, ToolchainError
from edgeprune.files.quoting import qemu_value

_PROGRAM = "qemu-system-arm"
# One instruction takes 64 ns of guest time, whatever the host does meanwhile: counts repeat exactly.
ICOUNT = "shift=6,align=off,sleep=off"
_WRITE_TIMEOUT_S = 60.0


def find_emulator() -> str:
    """Path of `qemu-system-arm`.

    Raises:
        ToolchainError: not installed.
    """
    program = shutil.which(_PROGRAM)
    if program is None:
        hint = "`apt install qemu-system-arm`, or name a real board's port with --port"
        raise ToolchainError(f"{_PROGRAM} is not installed", hint=hint)
    return program


# Time on the guest counts instructions, not the host's clock.
COUNTED = ("-icount", ICOUNT)


# UARTs of a machine before the one that its board leads out, where that is not the first.
_UARTS_BEFORE = {"netduinoplus2": 5}


def emulator_arguments(machine: str, elf: Path, more: tuple[str, ...] = COUNTED) -> tuple[str, ...]:
    """QEMU's arguments for a headless machine; the caller adds the serial port."""
    before = ("-serial", "null") * _UARTS_BEFORE.get(machine, 0)
    return (
        "-M", qemu_value(machine), "-kernel", str(elf), *more,
        "-display", "none", "-monitor", "none", "-nodefaults", *before,
    )  # fmt: skip


class EmulatorLink:
    """Link to an image running in QEMU.

    Args:
        machine: QEMU's name of it.
        elf: the image.
        more: further arguments of QEMU; by default the exact instruction counts.
    """

    def __init__(self, machine: str, elf: Path, more: tuple[str, ...] = COUNTED):
        self.name = f"emulated {machine}"
        self._machine = machine
        self._elf = elf
        self._more = more
        self._socket: socket.socket | None = None
        self._debug_socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: IO[bytes] | None = None
        self._debug_port: DebugPort | None = None

    def open(self) -> None:
        """Start the machine.

        Raises:
            ToolchainError: QEMU is missing or does not start.
            DeviceError: the image is missing.
        """
        program = find_emulator()
        if not self._elf.is_file():
            raise DeviceError(
                f"no image {self._elf} to run", hint="build it first: `edgeprune build` or `edgeprune fit`"
            )
        ours, theirs = socket.socketpair()
        our_debug, their_debug = socket.socketpair()
        ports = (
            "-chardev", f"socket,id=uart,fd={theirs.fileno()}", "-serial", "chardev:uart",
            "-chardev", f"socket,id=debug,fd={their_debug.fileno()}", "-gdb", "chardev:debug",
        )  # fmt: skip
        command = [program, *emulator_arguments(self._machine, self._elf.resolve(), self._more), *ports]
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the machine)
        self._socket, self._debug_socket = ours, our_debug
        try:
            self._process = start_emulator(command, (theirs, their_debug), self._messages)
        except ToolchainError:
            self.close()
            raise
        ours.setblocking(False)
        self._debug_port = DebugPort(our_debug)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for held in (self._socket, self._debug_socket, self._messages):
            if held is not None:
                with contextlib.suppress(OSError):
                    held.close()
        self._socket = self._debug_socket = self._messages = self._debug_port = None

    def write(self, data: bytes) -> None:
        wire = self._wire()
        rest = memoryview(data)
        while rest:
            _, ready, _ = select.select([], [wire], [], _WRITE_TIMEOUT_S)
            if not ready:
                raise DeviceError(f"{self.name} takes no bytes", hint="its firmware does not read its UART")
            try:
                rest = rest[wire.send(rest) :]
            except OSError as error:
                raise self._gone() from error

    def read(self, timeout_s: float) -> bytes:
        wire = self._wire()
        ready, _, _ = select.select([wire], [], [], max(timeout_s, 0.0))
        if not ready:
            return b""
        try:
            data = wire.recv(65536)
        except OSError as error:
            raise self._gone() from error
        if not data:
            raise self._gone()
        return data

    def poke(self, address: int, data: bytes) -> None:
        """Write the machine's RAM through the emulator's debug port."""
        if self._debug_port is None:
            raise DeviceError(f"{self.name} is not running")
        try:
            self._debug_port.write_memory(address, data)
        except OSError as error:
            raise self._gone() from error

    def _wire(self) -> socket.socket:
        if self._socket is None:
            raise DeviceError(f"{self.name} is not running")
        return self._socket

    def _gone(self) -> DeviceError:
        """The emulator ended by itself; with its messages."""
        status = self._process.wait(timeout=10) if self._process else None
        messages = ""
        if self._messages is not None:
            self._messages.seek(0)
            messages = self._messages.read(2000).decode(errors="replace").strip()
        return DeviceError(f"{self.name} ended (status {status}): {messages or 'no message'}")
