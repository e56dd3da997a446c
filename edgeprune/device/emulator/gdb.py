"""gdb on an emulated board: QEMU's own server for it, and how gdb is started."""

from __future__ import annotations

import shlex
from pathlib import Path

from edgeprune.files.shipped import shipped


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
