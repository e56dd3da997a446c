"""From what the user names, or leaves open, to a loader for the board: which port, which loader, how to wake it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeprune.device.boot_loader import BootLoader
from edgeprune.device.discover import choose_device
from edgeprune.device.found import Ability, FoundDevice, Kind
from edgeprune.device.loader import FlashLoader
from edgeprune.device.serial_link import Parity, SerialLink
from edgeprune.device.stm32_rom import Stm32Rom
from edgeprune.device.swd import SwdProbe
from edgeprune.device.uf2_drive import Uf2Drive
from edgeprune.device.wiring import wirings
from edgeprune.errors import DeviceError, UsageError
from edgeprune.target.profile import DEFAULT_BAUD, Loader, Target

_KINDS: dict[str, tuple[Kind, ...]] = {
    "stm32-rom": (Kind.SERIAL,),
    "edgeprune-boot": (Kind.SERIAL, Kind.EMULATOR),
    "uf2": (Kind.UF2,),
    "swd": (Kind.SWD,),
    "none": (),
}
_WAKE_S = 0.2


@dataclass(frozen=True)
class Wish:
    """What the user said; None and "auto" are left to EdgePrune.

    Attributes:
        port: serial port, drive or probe's serial number.
        baud: bits a second.
        loader: kind of loader.
        wiring: of DTR and RTS (`wiring.py`).
        secret_key: signs images for our bootloader.
    """

    port: str | None = None
    baud: int | None = None
    loader: str | None = None
    wiring: str = "auto"
    secret_key: bytes | None = None


@dataclass(frozen=True)
class Reached:
    """A loader, which of the target's it is, and the port it is on."""

    loader: FlashLoader
    profile: Loader
    port: str


def reach_loader(target: Target, wish: Wish, devices: Callable[[], Sequence[FoundDevice]]) -> Reached:
    """An opened way to write the target's flash.

    Args:
        devices: asked when no port is named.

    Raises:
        UsageError: the target has no loader, or not that one.
        DeviceError: nothing or several connected; a port that is busy or missing.
    """
    offered = [loader for loader in target.loaders if loader.kind != "none" and wish.loader in (None, loader.kind)]
    if not offered:
        kinds = ", ".join(loader.kind for loader in target.loaders) or "none"
        raise UsageError(
            f"{target.name} has no loader{f' {wish.loader!r}' if wish.loader else ''}; its profile lists: {kinds}",
            hint="add [[loaders]] to its TOML (docs/flash.md)",
        )
    if wish.port is not None:
        profile = next((loader for loader in offered if _may_be(wish.port, loader.kind)), offered[0])
        return Reached(_loader(target, profile, wish, wish.port), profile, wish.port)
    return _found_loader(target, offered, wish, devices())


def _found_loader(target: Target, offered: Sequence[Loader], wish: Wish, devices: Sequence[FoundDevice]) -> Reached:
    """The first of the target's loaders that something connected can be."""
    nothing: DeviceError | None = None
    for profile in offered:
        able = [device for device in devices if profile.usb_is_wired or target.name not in device.targets]
        candidates = [device for device in able if device.kind in _KINDS[profile.kind]]
        try:
            chosen = choose_device(candidates, Ability.FLASH, _KINDS[profile.kind], target.name)
        except DeviceError as error:
            if candidates:
                raise
            nothing = nothing or _not_connected(target, profile, error, devices)
            continue
        return Reached(_loader(target, profile, wish, chosen.address), profile, chosen.address)
    raise nothing or DeviceError(f"no device to flash {target.name} is connected")


def _not_connected(target: Target, profile: Loader, error: DeviceError, devices: Sequence[FoundDevice]) -> DeviceError:
    """`error`, with what the profile knows when only the port that is not wired to the loader is there."""
    if not profile.usb_is_wired and any(target.name in device.targets for device in devices):
        return DeviceError(
            f"{target.name} is connected, but not to its loader: {profile.note or 'its USB port is not wired to it'}",
            hint=f"wire an adapter to {profile.uart} ({profile.pins}), or flash through a probe: --loader swd",
        )
    return error


def _may_be(port: str, kind: str) -> bool:
    """Does such a name go with such a loader?"""
    if kind == "uf2":
        return Path(port).is_dir()
    is_serial = "://" in port or port.startswith(("/dev/", "COM"))
    return is_serial == (kind in ("stm32-rom", "edgeprune-boot")) and not Path(port).is_dir()


def _loader(target: Target, profile: Loader, wish: Wish, port: str) -> FlashLoader:
    if profile.kind == "uf2":
        return Uf2Drive(Path(port), target, profile)
    if profile.kind == "swd":
        return SwdProbe(target, profile, port)
    # The ROM finds out the baud rate from the first byte, up to 115200.
    baud = wish.baud or (target.baud if profile.kind == "edgeprune-boot" else DEFAULT_BAUD)
    link = SerialLink(port, baud, Parity.EVEN)
    link.open()
    if profile.kind == "stm32-rom":
        return Stm32Rom(link, target, profile, link, wirings(wish.wiring))
    return BootLoader(link, wish.secret_key, lambda: _wake(link, wish.wiring))


def _wake(link: SerialLink, wiring: str) -> None:
    """Ask the running application for the loader, at its own framing, and reset the board where that is wired."""
    link.set_parity(Parity.NONE)
    link.write(b"%ep loader%")
    time.sleep(_WAKE_S)
    link.set_parity(Parity.EVEN)
    for found in wirings(wiring):
        found.start_application(link)
