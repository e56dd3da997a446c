"""An emulated board with our bootloader, whose power can be cut."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

from edgeprune.device.console.console import Console
from edgeprune.device.emulator.emulated_flash import PSRAM_ORIGIN, flash_arguments, make_flash_file
from edgeprune.device.emulator.emulator import EmulatorLink
from edgeprune.device.links.link import Link
from edgeprune.device.loaders.an3155 import Timing
from edgeprune.device.loaders.boot_loader import BootLoader
from edgeprune.toolchain.bootloader import Bootloader

TARGET = "mps2-an386-boot"
TIMING = Timing(reply_s=1.0, write_s=2.0, erase_s=4.0, erase_all_s=30.0, quiet_s=0.02)
_INTENT = 0x21FF_F000
_ERASING, _PROGRAMMING = 1, 2


class KeptOpen:
    """Link that a loader may close without the board losing power."""

    def __init__(self, link: Link):
        self.name = link.name
        self._link = link

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        self._link.write(data)

    def read(self, timeout_s: float) -> bytes:
        return self._link.read(timeout_s)


class Board:
    """Power on, power off, flash in between."""

    def __init__(self, loader: Bootloader, flash: Path):
        self.flash = flash
        self._link = EmulatorLink("mps2-an386", loader.elf, flash_arguments(flash))
        if not flash.exists():
            make_flash_file(flash)

    def power_on(self) -> Link:
        self._link.open()
        return KeptOpen(self._link)

    def power_off(self) -> None:
        self._link.close()

    def loader(self, link: Link, secret_key: bytes | None = None, timing: Timing = TIMING) -> BootLoader:
        return BootLoader(link, TARGET, secret_key=secret_key, wake=lambda: link.write(b"%ep loader%"), timing=timing)

    def cut_power(self, chance: random.Random) -> None:
        """Power off, leaving in the cells that were being changed what flash may hold then: a mixture."""
        self.power_off()
        with self.flash.open("r+b") as stream:
            stream.seek(_INTENT - PSRAM_ORIGIN)
            intent, address, size_bytes = struct.unpack("<3I", stream.read(12))
            if intent not in (_ERASING, _PROGRAMMING):
                return
            stream.seek(address - PSRAM_ORIGIN)
            found = stream.read(size_bytes)
            # Erasing pulls bits up, programming pulls them down; both in any order.
            noise = chance.randbytes(size_bytes)
            mix: Callable[[int, int], int] = (lambda a, b: a | b) if intent == _ERASING else (lambda a, b: a & b)
            stream.seek(address - PSRAM_ORIGIN)
            stream.write(bytes(mix(a, b) for a, b in zip(found, noise, strict=True)))
            stream.seek(_INTENT - PSRAM_ORIGIN)
            stream.write(bytes(12))


def running_build(link: Link) -> str:
    """Build id of the application that answers."""
    return Console(link).identity().build_id
