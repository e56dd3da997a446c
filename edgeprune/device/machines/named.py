"""From an address the user types to a machine: `ssh://USER@HOST`, `adb:SERIAL`."""

from __future__ import annotations

from edgeprune.device.machines import adb, ssh
from edgeprune.device.machines.behind_shell import MachineBehindShell
from edgeprune.device.machines.machine import Machine
from edgeprune.errors import UsageError


def machine_at(address: str) -> Machine:
    """The machine there; nothing is connected to yet.

    Raises:
        UsageError: no such kind of address.
        ToolchainError: ssh or adb is not installed.
    """
    if address.startswith(ssh.SCHEME):
        return MachineBehindShell(ssh.SshShell(ssh.ssh_address(address), address))
    if address.startswith(adb.SCHEME):
        return MachineBehindShell(adb.AdbShell(address.removeprefix(adb.SCHEME)))
    raise UsageError(
        f"'{address}' names no machine with an operating system",
        hint="ssh://USER@HOST or adb:SERIAL; `edgeprune devices` lists them",
    )
