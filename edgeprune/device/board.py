"""The door to a running firmware: the emulator by default, a serial port for a real board."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeprune.device.console.console import Console
from edgeprune.device.console.replies import DeviceIdentity
from edgeprune.device.emulator.emulator import COUNTED, EmulatorLink
from edgeprune.device.image.elf import elf_text
from edgeprune.device.image.read import read_image
from edgeprune.device.links.kind import link_to
from edgeprune.device.links.link import Link
from edgeprune.errors import DeviceError
from edgeprune.files.quoting import qemu_value
from edgeprune.hardware.profile import Target

_RESET_VECTOR_BYTES = 8


@contextmanager
def open_board(
    target: Target, elf: Path, build_id: str, port: str | None = None, beside: tuple[str, ...] = ()
) -> Iterator[Console]:
    """A console on the firmware, which is checked to be the expected one.

    Args:
        target: its `[emulator]` runs the image itself; a stand-in target is the caller's to build for.
        elf: the image to run in the emulator.
        build_id: `Firmware.build_id`, which the device must name.
        port: a real board's serial port, already flashed; None for the emulator.
        beside: further arguments of the emulator.

    Raises:
        DeviceError: no such device, or another firmware is on it.
        ToolchainError: the emulator is missing.
    """
    with _link(target, elf, port, beside) as link:
        link.open()
        try:
            console = Console(link)
            if port is None:
                console.await_boot()
            identity = console.identity()
            if identity.build_id != build_id:
                raise _other_firmware(link.name, identity, target, elf, build_id)
            yield console
        finally:
            link.close()


def _other_firmware(name: str, identity: DeviceIdentity, target: Target, elf: Path, build_id: str) -> DeviceError:
    """How the firmware that answers differs from the expected one."""
    model = elf_text(elf.read_bytes(), "ep_model_hash")
    if identity.target != target.name:
        differs = f"firmware made for {identity.target}, not for {target.name}"
    elif identity.model_hash != model:
        differs = f"another model ({identity.model_hash}, not {model})"
    else:
        differs = "this model, but not as it was built last"
    return DeviceError(
        f"{name} holds {differs}: it runs build {identity.build_id}, not build {build_id}",
        hint="`edgeprune flash` writes this one to the board",
    )


@contextmanager
def _link(target: Target, elf: Path, port: str | None, beside: tuple[str, ...]) -> Iterator[Link]:
    if port is not None:
        yield link_to(port, target.baud)
        return
    emulator = target.emulator
    if emulator is None or emulator.target is not None:
        stand_in = f"; '{emulator.target}' stands in for it" if emulator else ""
        raise DeviceError(
            f"no emulated machine runs images of '{target.name}'{stand_in}",
            hint="name the board's serial port with --port" + (", or build for the stand-in" if emulator else ""),
        )
    if target.boot is None:
        yield EmulatorLink(emulator.machine, elf, (*COUNTED, *beside))
        return
    # Made for a bootloader and run alone: its stack and start are put where the core looks for them.
    with tempfile.NamedTemporaryFile(prefix="edgeprune-vectors-") as vectors:
        vectors.write(read_image(elf, 0).read(target.boot.payload_origin, _RESET_VECTOR_BYTES))
        vectors.flush()
        start = ("-device", f"loader,file={qemu_value(vectors.name)},addr={target.boot.loader_origin:#x},force-raw=on")
        yield EmulatorLink(emulator.machine, elf, (*COUNTED, *start, *beside))
