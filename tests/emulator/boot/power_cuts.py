"""Updates whose power is cut at a random moment, and what the board is afterwards."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from edgeprune.device.console.console import Console
from edgeprune.device.image.elf import parse_elf
from edgeprune.device.links.link import Link
from edgeprune.device.loaders.an3155 import EXTENDED_ERASE, GO, Timing
from edgeprune.device.loaders.boot_info import Verdict
from edgeprune.device.loaders.confirm import confirm
from edgeprune.device.loaders.write_image import WriteOptions, write_image
from edgeprune.errors import DeviceError, EdgePruneError
from edgeprune.progress import Silent
from edgeprune.toolchain.firmware import Firmware
from tests.emulator.boot.board import Board

TIMING = Timing(reply_s=0.5, write_s=1.0, erase_s=1.0, erase_all_s=4.0, quiet_s=0.005, call_s=0.15)
_TIMEOUT_S = 3.0
_TWICE_SHARE = 0.3
_ON_TRIAL_SHARE = 0.3


class Moment(StrEnum):
    """From which of the host's bytes on the random time counts."""

    ANYWHERE = "anywhere"
    OPENING = "after the first erase was asked for"
    INSTALLING = "after the start was asked for"
    CONFIRMING = "after the confirmation"


_TELLING = {
    Moment.ANYWHERE: b"",
    Moment.OPENING: bytes([EXTENDED_ERASE, EXTENDED_ERASE ^ 0xFF]),
    Moment.INSTALLING: bytes([GO, GO ^ 0xFF]),
    Moment.CONFIRMING: b"ep confirm%",
}


class PowerCut(Exception):
    """Not an error of the link: nothing between may catch it."""


class CutLink:
    """Link that raises PowerCut some time after the telling bytes were sent."""

    def __init__(self, link: Link, moment: Moment, delay_s: float):
        self.name = link.name
        self._link = link
        self._telling = _TELLING[moment]
        self._delay_s = delay_s
        self._at_s = float("inf") if self._telling else time.monotonic() + delay_s

    def open(self) -> None:
        """Nothing: the link is open."""

    def close(self) -> None:
        """Nothing: the link stays open."""

    def write(self, data: bytes) -> None:
        self._check()
        self._link.write(data)
        if self._at_s == float("inf") and self._telling in data:
            self._at_s = time.monotonic() + self._delay_s

    def read(self, timeout_s: float) -> bytes:
        data = self._link.read(min(timeout_s, max(self._at_s - time.monotonic(), 0.0)))
        self._check()
        return data

    def _check(self) -> None:
        if time.monotonic() >= self._at_s:
            raise PowerCut


@dataclass(frozen=True)
class Cut:
    """When and how often power was cut, which image runs after it, and what is wrong."""

    moment: Moment
    cuts: int
    runs_new: bool
    fault: str | None


class Cutter:
    """A board that is updated again and again, each time with a power cut."""

    def __init__(self, board: Board, firmwares: Sequence[Firmware]):
        self._board = board
        self._firmwares = firmwares
        self._link = board.power_on()
        self._running = 0
        self._install(self._link, 0, keep=True)
        began_s = time.monotonic()
        self._install(self._link, 1, keep=True)
        self._running = 1
        self._longest_s = {
            Moment.ANYWHERE: time.monotonic() - began_s,
            Moment.OPENING: 0.03,
            Moment.INSTALLING: 0.1,
            Moment.CONFIRMING: 0.05,
        }

    def cut(self, seed: int) -> Cut:
        """One update, cut off once or twice; afterwards the board is as whole as before."""
        chance = random.Random(seed)
        moment = chance.choice(tuple(Moment))
        allowed = {self._running}
        if chance.random() < _ON_TRIAL_SHARE:
            self._running = self._other(chance, allowed)
            self._install(self._link, self._running, keep=False)
            allowed.add(self._running)
        new = self._other(chance, allowed)
        delay_s = chance.uniform(0.0, self._longest_s[moment])
        with contextlib.suppress(PowerCut):
            self._install(CutLink(self._link, moment, delay_s), new, keep=True)
        self._board.cut_power(chance)
        cuts = 1
        if chance.random() < _TWICE_SHARE:
            self._board.power_on()
            time.sleep(chance.uniform(0.0, self._longest_s[Moment.INSTALLING]))
            self._board.cut_power(chance)
            cuts += 1
        self._link = self._board.power_on()
        try:
            found = self._found()
        except EdgePruneError as error:
            return Cut(moment, cuts, False, f"the board does not come back: {error.message}")
        if found not in allowed | {new}:
            return Cut(moment, cuts, False, f"image {found} runs, not one of {sorted(allowed | {new})}")
        self._running = found
        return Cut(moment, cuts, found == new, None)

    def _other(self, chance: random.Random, taken: set[int]) -> int:
        return chance.choice([i for i in range(len(self._firmwares)) if i not in taken])

    def _install(self, link: Link, number: int, keep: bool) -> None:
        firmware = self._firmwares[number]
        image = parse_elf(firmware.elf.read_bytes(), "app.elf")
        write_image(self._board.loader(link, timing=TIMING), image, WriteOptions(), Silent())
        if keep:
            confirm(link, firmware.build_id, _TIMEOUT_S)
        else:
            Console(link, _TIMEOUT_S).identity()

    def _found(self) -> int:
        """Which image answers; it is kept from now on. The loader must answer too and find it whole."""
        build = confirm(self._link, None, _TIMEOUT_S).build_id
        loader = self._board.loader(self._link, timing=TIMING)
        loader.connect()
        verdict = loader.info().running.verdict
        if verdict is not Verdict.GOOD:
            raise DeviceError(f"{build} runs and is not whole: {verdict.name}")
        return [firmware.build_id for firmware in self._firmwares].index(build)
