"""The door to a running firmware: the emulator by default, a serial port for a real board."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeprune.device.console import Console
from edgeprune.device.emulator import EmulatorLink
from edgeprune.device.link import Link
from edgeprune.device.serial_link import SerialLink
from edgeprune.errors import DeviceError
from edgeprune.target.profile import Target

DEFAULT_BAUD = 115200


@contextmanager
def open_board(target: Target, elf: Path, build_id: str, port: str | None = None) -> Iterator[Console]:
    """A console on the firmware, which is checked to be the one meant.

    Args:
        target: its `[emulator]` runs the image itself; a stand-in target is the caller's to build for.
        elf: the image to run in the emulator.
        build_id: `Firmware.build_id`, which the device must name.
        port: a real board's serial port, already flashed; None for the emulator.

    Raises:
        DeviceError: no such device, or another firmware is on it.
        ToolchainError: the emulator is missing.
    """
    link = _link(target, elf, port)
    link.open()
    try:
        console = Console(link)
        if port is None:
            console.await_boot()
        identity = console.identity()
        if identity.build_id != build_id:
            raise DeviceError(
                f"{link.name} runs build {identity.build_id} (model {identity.model_hash}, for {identity.target}), "
                f"not build {build_id}",
                hint="`edgeprune flash` writes this one to the board",
            )
        yield console
    finally:
        link.close()


def _link(target: Target, elf: Path, port: str | None) -> Link:
    if port is not None:
        return SerialLink(port, target.link.baud if target.link and target.link.baud else DEFAULT_BAUD)
    emulator = target.emulator
    if emulator is None or emulator.target is not None:
        stand_in = f"; '{emulator.target}' stands in for it" if emulator else ""
        raise DeviceError(
            f"no emulated machine runs images of '{target.name}'{stand_in}",
            hint="name the board's serial port with --port" + (", or build for the stand-in" if emulator else ""),
        )
    return EmulatorLink(emulator.machine, elf)
