"""An emulated board on a port of its own, which any program may open like a serial port.

The pseudo-terminal is this process's, its other end held open: the first byte a client sends is read at once, where a
terminal of QEMU's own is looked at once a second. A thread carries bytes between it and QEMU.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from edgeprune.device.emulator.emulator import COUNTED, emulator_arguments, find_emulator
from edgeprune.device.emulator.process import start_emulator
from edgeprune.errors import ToolchainError

_START_S = 10.0
_UNREAD_S = 1.0  # bytes that no client takes for so long are lost, as on a wire
_PIECE_BYTES = 4096
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
    import tty

    program = find_emulator()
    with ExitStack() as held:
        messages = held.enter_context(tempfile.TemporaryFile())
        wire, theirs = _held_pair(held)
        control, their_control = _held_pair(held)
        board_end, client_end = _held_handles(held, os.openpty())
        tty.setraw(client_end)
        os.set_blocking(board_end, False)
        command = [
            program, *emulator_arguments(machine, elf.resolve(), more),
            "-chardev", f"socket,id=uart,fd={theirs.fileno()}", "-serial", "chardev:uart",
            "-chardev", f"socket,id=control,fd={their_control.fileno()}", "-mon", "chardev=control,mode=control",
        ]  # fmt: skip
        held.enter_context(_carried(wire, board_end))  # until QEMU is gone, or a full wire would hold it up
        process = start_emulator(command, (theirs, their_control), messages)
        held.callback(process.wait)
        held.callback(process.kill)
        _await_start(control, messages)
        yield os.ttyname(client_end), process


def _held_pair(held: ExitStack) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    return held.enter_context(ours), held.enter_context(theirs)


def _held_handles(held: ExitStack, handles: tuple[int, int]) -> tuple[int, int]:
    for handle in handles:
        held.callback(os.close, handle)
    return handles


def _await_start(control: socket.socket, messages: IO[bytes]) -> None:
    """Returns once QEMU's control channel answers, which it does when the machine is made."""
    control.settimeout(_START_S)
    with contextlib.suppress(OSError):
        control.sendall(b'{"execute": "qmp_capabilities"}\n')
        received = b""
        while b'"return"' not in received and (data := control.recv(_PIECE_BYTES)):
            received += data
        if b'"return"' in received:
            return
    messages.seek(0)
    told = messages.read(_MAX_MESSAGE_BYTES).decode(errors="replace").strip()
    raise ToolchainError(f"QEMU does not start: {told or 'no message'}")


@contextmanager
def _carried(wire: socket.socket, board_end: int) -> Iterator[None]:
    """Bytes go both ways until the block ends."""
    with ExitStack() as held:
        stop_read, stop_write = os.pipe()
        held.callback(os.close, stop_read)
        relay = threading.Thread(target=_carry, args=(wire, board_end, stop_read), daemon=True)
        relay.start()
        held.callback(relay.join)
        held.callback(os.close, stop_write)
        yield


def _carry(wire: socket.socket, board_end: int, stop: int) -> None:
    """Bytes both ways until `stop` is closed at its other end, or QEMU ends."""
    while True:
        ready = select.select([wire.fileno(), board_end, stop], [], [])[0]
        try:
            if stop in ready or (wire.fileno() in ready and not _to_client(wire, board_end)):
                return
            if board_end in ready:
                wire.sendall(os.read(board_end, _PIECE_BYTES))
        except OSError:
            return


def _to_client(wire: socket.socket, board_end: int) -> bool:
    """False once QEMU has ended."""
    rest = memoryview(data := wire.recv(_PIECE_BYTES))
    while rest and select.select([], [board_end], [], _UNREAD_S)[1]:
        rest = rest[os.write(board_end, rest) :]
    return bool(data)
