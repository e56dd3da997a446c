"""What a machine is: files are installed on it, commands run there, and their output comes back whole or not at all."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from edgeprune.errors import DeviceError
from edgeprune.files.own_process import signal_name
from edgeprune.hardware.hosted import Architecture

Source = Literal["device", "emulator", "host"]
"""Whose memory and bytes are read: a device's, an emulated processor's, or this machine's. Time is a device's alone."""

KILLED_BY_TIMEOUT = 124
"""Status of the command `timeout`."""
_CANNOT_EXECUTE, _NOT_FOUND = 126, 127


class Machine(Protocol):
    """One machine."""

    @property
    def name(self) -> str:
        """As the user named it, or what it is."""

    @property
    def source(self) -> Source: ...

    def architecture(self) -> Architecture:
        """The programs it runs.

        Raises:
            DeviceError: it does not answer, or runs none of ours.
        """

    def install(self, files: Mapping[str, bytes]) -> str:
        """The folder there that holds exactly these files, which may be executed; done once for the same files.

        Raises:
            DeviceError: the link broke, no room, no permission; nothing half-installed stays in use.
        """

    def run(self, folder: str, words: Sequence[str], given: bytes, timeout_s: float) -> bytes:
        """Standard output of a command.

        Args:
            folder: of `install`; the command runs in it.
            words: the command, `./NAME` for an installed file.
            given: its standard input.

        Raises:
            DeviceError: it failed, was killed or took longer; the message states which.
        """

    def close(self) -> None:
        """Ends what was opened; installed files stay where a device keeps them."""


def another_try(machine: Machine, folder: str) -> str:
    """The hint where what `install` put into the folder is not what answers. Other folders beside it are the user's own
    too: a device's LiteRT lies there."""
    if machine.source != "device":
        return "run it again; if it happens again, report it with the model"
    return f"`rm -r {shlex.quote(folder)}` there removes what was installed, and nothing else; then run it again"


@dataclass(frozen=True)
class Reply:
    """How a command ended; a negative status is the signal that killed it."""

    status: int
    output: bytes
    errors: str


def check_reply(reply: Reply, name: str, words: Sequence[str], timeout_s: float) -> bytes:
    """The output of a command that ended well.

    Raises:
        DeviceError: it did not.
    """
    if reply.status == 0:
        return reply.output
    told = reply.errors.strip().splitlines()
    last = f": {told[-1][:300]}" if told else ""
    command = " ".join(words)[:80]
    number = reply.status - 128 if reply.status > 128 else -reply.status
    if reply.status == KILLED_BY_TIMEOUT:
        raise DeviceError(
            f"{name}: '{command}' did not end within {timeout_s:.0f} s and was stopped",
            hint="is the machine busy? look with `top` there, then run it again with fewer samples or repeats",
        )
    if number > 0:
        raise DeviceError(f"{name}: '{command}' was killed by {signal_name(number)}{last}", hint=_advice(number))
    if reply.status in (_CANNOT_EXECUTE, _NOT_FOUND) or "exec format error" in reply.errors.lower():
        raise DeviceError(
            f"{name} does not execute '{command}'{last}",
            hint="is it a machine of the target's architecture, and its folder not mounted `noexec`?",
        )
    raise DeviceError(
        f"{name}: '{command}' failed with status {reply.status}{last}",
        hint="the link may have broken off: run it again; if it happens again, report it with the model",
    )


def _advice(number: int) -> str:
    if number == signal.SIGILL:
        return "its processor lacks an instruction the program uses: choose a target whose cores it has"
    if number == signal.SIGKILL:
        return "somebody stopped it, or memory ran out: see `dmesg` there"
    return "run it again; if it happens again, report it with the model"
