"""QEMU's process, which ends no later than ours."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import IO

from edgeprune.errors import ToolchainError

# The kernel kills the emulator when this process ends in whatever way; prctl(PR_SET_PDEATHSIG, SIGKILL).
_DIE_WITH_PARENT = (
    "import ctypes, os, sys\n"
    "ctypes.CDLL(None).prctl(1, 9)\n"
    "if os.getppid() != int(sys.argv[1]): sys.exit(1)\n"
    "os.execv(sys.argv[2], sys.argv[2:])\n"
)


def start_emulator(
    command: Sequence[str], ends: Sequence[socket.socket], messages: IO[bytes]
) -> subprocess.Popen[bytes]:
    """On Linux the emulator dies with the thread that calls this, however that thread ends.

    Args:
        command: QEMU and its arguments, which name the descriptors of `ends`.
        ends: sockets that become the emulator's and are closed here.
        messages: what it writes.

    Raises:
        ToolchainError: the program cannot be started.
    """
    wrapper = (sys.executable, "-ISc", _DIE_WITH_PARENT, str(os.getpid())) if sys.platform == "linux" else ()
    try:
        return subprocess.Popen(
            [*wrapper, *command],
            pass_fds=[end.fileno() for end in ends],
            stdin=subprocess.DEVNULL,
            stdout=messages,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise ToolchainError(f"{command[0]} cannot be started: {error}") from error
    finally:
        for end in ends:
            end.close()
