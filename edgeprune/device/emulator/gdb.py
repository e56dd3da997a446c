"""gdb on an emulated board: QEMU's own server for it, and how gdb is started."""

from __future__ import annotations

import os
import shlex
import socket
from pathlib import Path

from edgeprune.errors import UsageError
from edgeprune.files.shipped import shipped


def require_free(port: int) -> None:
    """Raises UsageError where nothing can listen on this TCP port of this machine."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as QEMU does
        try:
            tried.bind(("127.0.0.1", port))
            tried.listen()
        except OSError as error:
            why = os.strerror(error.errno or 0)
            hint = "name another with --gdb, or end the program that has it"
            raise UsageError(f"gdb cannot be waited for on TCP port {port}: {why}", hint=hint) from error


def gdb_arguments(port: int, waits: bool) -> tuple[str, ...]:
    """QEMU's arguments for a server of gdb's remote protocol on this machine alone.

    Args:
        port: of TCP.
        waits: the machine runs nothing before gdb continues it.
    """
    return ("-gdb", f"tcp:127.0.0.1:{port}", *(("-S",) if waits else ()))


def gdb_command(elf: Path, port: int) -> str:
    """What starts gdb on that server, with the tensors of `elf` by name."""
    script = shipped("firmware") / "debug" / "tensors.py"
    words = ["gdb-multiarch", str(elf.resolve()), "-x", str(script), "-ex", f"target remote :{port}"]
    return shlex.join(words)
