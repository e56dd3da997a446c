"""Where a target's program runs: on the device that is named, else emulated here, else built for this machine."""

from __future__ import annotations

from edgeprune.device.machines.local import LocalMachine, emulator_of
from edgeprune.device.machines.machine import Machine
from edgeprune.device.machines.named import machine_at
from edgeprune.errors import DeviceError, ToolchainError
from edgeprune.hardware.hosted import Architecture
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.linux import this_machine

_RUNS_ALSO = {Architecture.AARCH64: (Architecture.ARMV7,)}
"""A device of the first may have an operating system of the others: a Raspberry Pi with 32 bits."""


def machine_for(target: Target, address: str | None) -> Machine:
    """The machine that the target's program runs on.

    Args:
        address: of a device; None: this machine stands in, under QEMU's user-mode emulation where that is installed.

    Raises:
        UsageError: no such kind of address.
        ToolchainError: nothing here runs such a program.
    """
    assert target.hosted is not None
    if address is not None:
        return machine_at(address)
    wanted, own = target.hosted.architecture, this_machine()
    if wanted is own:
        return LocalMachine(wanted)
    emulator = emulator_of(wanted, target.hosted.features)
    if emulator is not None:
        return LocalMachine(wanted, emulator)
    if own is None:
        raise ToolchainError(
            f"nothing here runs {wanted} Linux programs",
            hint="name the device (--device ssh://USER@HOST), or work on Linux with `apt install qemu-user-static`",
        )
    return LocalMachine(own)


def architecture_on(machine: Machine, target: Target) -> Architecture:
    """What to build for the machine.

    Raises:
        DeviceError: the machine is not the target.
    """
    assert target.hosted is not None
    wanted, found = target.hosted.architecture, machine.architecture()
    if machine.source == "device" and found is not wanted and found not in _RUNS_ALSO.get(wanted, ()):
        raise DeviceError(
            f"{machine.name} runs {found} programs, {target.name} is {wanted}",
            hint="is it the right machine? --target names what it is",
        )
    return found


def words_for(machine: Machine, target: Target) -> str | None:
    """What a result from there does not show; None where the target's own program runs on a device."""
    assert target.hosted is not None
    wanted = target.hosted.architecture
    if machine.source == "device":
        return None
    if machine.source == "emulator":
        return f"the {wanted} program runs emulated here: its bytes count, its time says nothing about {target.name}"
    if machine.architecture() is wanted:
        return f"the program runs on this machine: its bytes count, its time says nothing about {target.name}"
    return (
        f"no emulator of {wanted} programs is installed (`apt install qemu-user-static`): the same C, built for this "
        f"machine's {machine.architecture()}, runs here; the {wanted} program itself was not run"
    )
