"""A connected device, as `edgeprune devices` lists it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    SERIAL = "serial"
    SWD = "swd"
    UF2 = "uf2"
    ADB = "adb"
    SSH = "ssh"
    EMULATOR = "emulator"


class Ability(StrEnum):
    FLASH = "flash"
    CONSOLE = "console"
    PROFILE = "profile"


@dataclass(frozen=True)
class FoundDevice:
    """One device.

    Attributes:
        kind: how it is reached.
        address: what `--port` or `--device` takes: a port, a drive, `adb:SERIAL`, `ssh://HOST`.
        title: what it is, for people.
        targets: names of the targets it may be; empty when unknown.
        abilities: what EdgePrune can do with it.
        note: an obstacle or a remark.
    """

    kind: Kind
    address: str
    title: str
    targets: tuple[str, ...] = ()
    abilities: tuple[Ability, ...] = ()
    note: str | None = None
