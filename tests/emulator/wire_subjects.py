"""The boards that sessions over a bad cable are held with: our bootloader, ST's ROM, the console."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from edgeprune.device.console.console import Console
from edgeprune.device.console.replies import DeviceMemory, LayerTimings
from edgeprune.device.image.elf import parse_elf
from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.links.link import Link
from edgeprune.device.loaders.an3155 import Timing
from edgeprune.device.loaders.boot_info import State, Verdict
from edgeprune.device.loaders.confirm import confirm
from edgeprune.device.loaders.stm32_rom import Stm32Rom
from edgeprune.device.loaders.write_image import WriteOptions, write_image
from edgeprune.hardware.profile import Sectors
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Silent
from edgeprune.toolchain.firmware import Firmware
from tests.emulator.boot.board import Board
from tests.emulator.test_boards import tiny_outputs
from tests.emulator.wire_sessions import Untrue
from tests.faulty_link import Way
from tests.unit.device.fake_rom import FakeRom

CONSOLE_TIMEOUT_S = 0.5
BOOT_TIMING = Timing(reply_s=0.2, write_s=0.3, erase_s=0.5, erase_all_s=2.0, quiet_s=0.02, call_s=0.12)
ROM_TIMING = Timing(reply_s=0.01, write_s=0.01, erase_s=0.01, erase_all_s=0.01, quiet_s=0.001, call_s=0.02)
_TICKS_SLACK = 2


class BootSubject:
    """An update through our bootloader on the emulated board, with confirmation, as `edgeprune flash` does it."""

    longest_stall_s = 0.5

    def __init__(self, board: Board, firmwares: Sequence[Firmware]):
        self.passing: dict[Way, int] = {}
        self._board = board
        self._firmwares = firmwares
        self._link = board.power_on()
        self._running = self._wanted = self._fallback = 0
        self._install(self._link, 0)

    def wire(self) -> Link:
        return self._link

    def talk(self, link: Link, chance: random.Random) -> None:
        self._wanted = chance.choice([i for i in range(len(self._firmwares)) if i != self._running])
        self._install(link, self._wanted)

    def check(self, ended_well: bool) -> None:
        """The old or the new image runs, which the loader has found whole; the new one after success, and for good."""
        if not ended_well:
            self._board.power_off()
            self._link = self._board.power_on()
        build = Console(self._link).identity().build_id
        builds = [firmware.build_id for firmware in self._firmwares]
        allowed = {self._running, self._wanted, self._fallback}
        if build not in (builds[index] for index in allowed):
            raise Untrue(f"neither the old nor the new image runs: {build}")
        before, self._running = self._running, builds.index(build)
        if ended_well:
            self._fallback = self._running
        elif self._running == self._wanted:
            self._fallback = before  # the new image has not been confirmed: the old one may come back
        if ended_well:
            self._check_kept()

    def _check_kept(self) -> None:
        if self._running != self._wanted:
            raise Untrue("success was reported, the old image runs")
        loader = self._board.loader(self._link)
        loader.connect()
        info = loader.info()
        if info.state is not State.SETTLED or info.running.verdict is not Verdict.GOOD:
            raise Untrue(
                f"success was reported, the loader is {info.state.name}, what runs {info.running.verdict.name}"
            )

    def _install(self, link: Link, index: int) -> None:
        firmware = self._firmwares[index]
        image = parse_elf(firmware.elf.read_bytes(), "app.elf")
        write_image(self._board.loader(link, timing=BOOT_TIMING), image, WriteOptions(), Silent())
        confirm(link, firmware.build_id, CONSOLE_TIMEOUT_S)


class RomSubject:
    """ST's ROM loader in Python, classic or extended erase."""

    SECTORS = (1024,) * 8
    longest_stall_s = 0.02

    def __init__(self, extended: bool):
        self.passing: dict[Way, int] = {}
        target = load_target("stm32f4-discovery")
        flash_region = target.memory[0].model_copy(
            update={"sectors": (Sectors(count=8, size_bytes=1024),), "size_bytes": 8192}
        )
        self._target = target.model_copy(update={"memory": (flash_region, *target.memory[1:])})
        self._extended = extended
        self._rom = FakeRom(self.SECTORS, extended=extended)
        self._image = Image((Segment(self._rom.origin, b""),))

    def wire(self) -> Link:
        self._rom = FakeRom(self.SECTORS, extended=self._extended)
        return self._rom

    def talk(self, link: Link, chance: random.Random) -> None:
        self._image = Image((Segment(self._rom.origin, chance.randbytes(1500)),))
        loader = Stm32Rom(link, self._target, self._target.loaders[0], timing=ROM_TIMING)
        write_image(loader, self._image, WriteOptions(), Silent())

    def check(self, ended_well: bool) -> None:
        content = self._image.segments[0].content
        if ended_well and self._rom.flash[: len(content)] != content:
            raise Untrue("success was reported, flash holds other bytes")


class ConsoleSubject:
    """Identity, two inferences, layer times and memory: what `profile` and `verify` ask for."""

    longest_stall_s = 1.0

    def __init__(self, link: Link, firmware: Firmware):
        self.passing: dict[Way, int] = {}
        self._link = link
        self._build_id = firmware.build_id
        self._ticks: LayerTimings | None = None
        self._memory: DeviceMemory | None = None

    def wire(self) -> Link:
        return self._link

    def talk(self, link: Link, chance: random.Random) -> None:
        console = Console(link, CONSOLE_TIMEOUT_S, CONSOLE_TIMEOUT_S)
        identity = console.identity()
        if identity.build_id != self._build_id:
            raise Untrue(f"build {identity.build_id} believed")
        for _ in range(2):
            inputs = bytes(byte & 0x3F for byte in chance.randbytes(16))
            if console.infer(inputs) != tiny_outputs(inputs):
                raise Untrue("a wrong tensor believed")
        self._compare(console.layers(1), console.memory())

    def check(self, ended_well: bool) -> None:
        """The console answers again, whatever was cut off."""
        if Console(self._link, 2.0).identity().build_id != self._build_id:
            raise Untrue("another build answers")

    def _compare(self, ticks: LayerTimings, memory: DeviceMemory) -> None:
        """With the first session's, which had no faults. The console's own stack may have grown since."""
        memory = replace(memory, stack_all_bytes=0)
        if self._ticks is None:
            self._ticks, self._memory = ticks, memory
        pairs = zip(
            (*ticks.layer_ticks, ticks.total_ticks), (*self._ticks.layer_ticks, self._ticks.total_ticks), strict=True
        )
        if any(abs(found - known) > _TICKS_SLACK for found, known in pairs):
            raise Untrue(f"wrong times believed: {ticks}")
        if memory != self._memory:
            raise Untrue(f"wrong memory figures believed: {memory}")
