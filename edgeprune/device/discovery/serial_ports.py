"""Serial ports, named as the boards behind them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Protocol

from edgeprune.device.discovery.usb_ids import ADAPTERS, KnownBoard, known_boards
from edgeprune.device.found import Ability, FoundDevice, Kind
from edgeprune.device.loaders.kind import loader_kinds


class Port(Protocol):
    """A port as pyserial describes it."""

    device: str
    vid: int | None
    pid: int | None
    description: str | None
    serial_number: str | None


def serial_ports() -> list[FoundDevice]:
    """USB serial ports there are now. Ports of the mainboard are left out: whether they are wired is unknown."""
    from serial.tools import list_ports

    return described_ports(list_ports.comports(), known_boards())


def described_ports(ports: Iterable[Port], boards: Iterable[KnownBoard]) -> list[FoundDevice]:
    """The USB ones among `ports` as devices, in the order of their names."""
    known = tuple(boards)
    usb = [port for port in ports if port.vid is not None and port.pid is not None]
    return [_described(port, known) for port in sorted(usb, key=lambda port: port.device)]


def _described(port: Port, boards: tuple[KnownBoard, ...]) -> FoundDevice:
    usb_id = f"{port.vid:04x}:{port.pid:04x}"
    matching = [board for board in boards if usb_id in board.usb_ids]
    title = " or ".join(board.title for board in matching) or ADAPTERS.get(usb_id) or port.description or usb_id
    abilities: tuple[Ability, ...] = (Ability.CONSOLE, Ability.PROFILE)
    serial_loaders = {kind.name for kind in loader_kinds().values() if Kind.SERIAL in kind.devices}
    if usb_id in ADAPTERS or any(serial_loaders.intersection(board.loaders) for board in matching):
        abilities = (Ability.FLASH, *abilities)
    note = None if may_open(port.device) else "no permission: `sudo usermod -aG dialout $USER`, then log in again"
    serial = f", serial number {port.serial_number}" if port.serial_number else ""
    return FoundDevice(
        Kind.SERIAL,
        port.device,
        f"{title} ({usb_id}{serial})",
        tuple(board.name for board in matching),
        abilities,
        note,
    )


def may_open(device: str) -> bool:
    """Whether this user may read and write it; always true on systems without such files."""
    return sys.platform == "win32" or not os.path.exists(device) or os.access(device, os.R_OK | os.W_OK)  # noqa: PTH110
