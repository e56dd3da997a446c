"""A bad cable for tests: a link around another one that damages what passes, at bytes chosen beforehand."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from edgeprune.device.links.link import Link
from edgeprune.errors import DeviceError

_NAP_S = 0.0005


class Fault(StrEnum):
    FLIP = "flip"  # one bit of the byte
    DROP = "drop"  # the byte
    REPEAT = "repeat"  # the byte comes twice
    TRUNCATE = "truncate"  # the byte and what was sent or read together with it behind it
    STALL = "stall"  # the byte and all behind it come late
    MUTE = "mute"  # nothing passes any more, either way
    UNPLUG = "unplug"  # the port is gone


class Way(StrEnum):
    OUT = "out"  # from the host
    IN = "in"


@dataclass(frozen=True)
class Damage:
    """What happens to the byte number `at` (from 0) that passes in one direction."""

    fault: Fault
    way: Way
    at: int


class FaultyLink:
    """Link around an open one. It has no debug port, so tensors go over the wire.

    Args:
        link: opened and closed by the caller.
        damages: what happens; several may befall one byte.
        chance: which bits flip.
        stall_s: how late stalled bytes come.
    """

    def __init__(self, link: Link, damages: Iterable[Damage], chance: random.Random, stall_s: float):
        self.name = link.name
        self.struck: list[Damage] = []
        self.passed = {Way.OUT: 0, Way.IN: 0}
        self._link = link
        self._ahead = {way: sorted((d for d in damages if d.way is way), key=lambda d: d.at) for way in Way}
        self._chance = chance
        self._stall_s = stall_s
        self._is_mute = False
        self._is_gone = False
        self._late = bytearray()
        self._late_until_s = 0.0

    def open(self) -> None:
        """Nothing: the link is open."""

    def close(self) -> None:
        """Nothing: the link stays open."""

    def write(self, data: bytes) -> None:
        self._check()
        in_time, late = self._spoiled(Way.OUT, data)
        if in_time:
            self._link.write(in_time)
        if late:
            time.sleep(self._stall_s)
            self._link.write(late)
        self._check()

    def read(self, timeout_s: float) -> bytes:
        self._check()
        deadline_s = time.monotonic() + timeout_s
        while True:
            if self._late and time.monotonic() >= self._late_until_s:
                data = bytes(self._late)
                self._late.clear()
                return data
            wake_s = min(deadline_s, self._late_until_s) if self._late else deadline_s
            arrived = self._link.read(max(wake_s - time.monotonic(), 0.0))
            in_time, late = self._spoiled(Way.IN, arrived)
            if self._late:
                in_time, late = b"", in_time + late
            elif late:
                self._late_until_s = time.monotonic() + self._stall_s
            self._late += late
            self._check()
            if in_time or (time.monotonic() >= deadline_s and not self._is_due()):
                return in_time
            if not arrived:
                time.sleep(_NAP_S)  # doubles of devices do not wait

    def _is_due(self) -> bool:
        return bool(self._late) and time.monotonic() >= self._late_until_s

    def _spoiled(self, way: Way, data: bytes) -> tuple[bytes, bytes]:
        """What arrives of `data` in time, and what arrives late."""
        first = self.passed[way]
        self.passed[way] += len(data)
        if self._is_mute or self._is_gone:
            return b"", b""
        in_time, late = bytearray(), bytearray()
        sink = in_time
        for offset, byte in enumerate(data):
            found = bytes([byte])
            for damage in self._due(way, first + offset):
                self.struck.append(damage)
                match damage.fault:
                    case Fault.FLIP:
                        found = bytes(value ^ 1 << self._chance.randrange(8) for value in found)
                    case Fault.DROP:
                        found = b""
                    case Fault.REPEAT:
                        found *= 2
                    case Fault.STALL:
                        sink = late
                    case Fault.TRUNCATE:
                        return bytes(in_time), bytes(late)
                    case Fault.MUTE:
                        self._is_mute = True
                        return bytes(in_time), bytes(late)
                    case Fault.UNPLUG:
                        self._is_gone = True
                        return bytes(in_time), b""
            sink += found
        return bytes(in_time), bytes(late)

    def _due(self, way: Way, at: int) -> list[Damage]:
        ahead = self._ahead[way]
        due = []
        while ahead and ahead[0].at <= at:
            damage = ahead.pop(0)
            if damage.at == at:
                due.append(damage)
        return due

    def _check(self) -> None:
        if self._is_gone:
            raise DeviceError(f"{self.name} is gone: unplugged", hint="check the cable and plug the board in again")


def random_damages(
    chance: random.Random, count: int, passing: dict[Way, int], faults: tuple[Fault, ...]
) -> tuple[Damage, ...]:
    """`count` damages, each on a random byte of the `passing` ones of both directions together."""
    total = passing[Way.OUT] + passing[Way.IN]
    made = []
    for _ in range(count):
        at = chance.randrange(max(total, 1))
        way = Way.OUT if at < passing[Way.OUT] else Way.IN
        made.append(Damage(chance.choice(faults), way, at if way is Way.OUT else at - passing[Way.OUT]))
    return tuple(made)
