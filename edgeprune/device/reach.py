"""From what the user names, or leaves open, to a loader for the board: which loader, on which port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeprune.device.discovery.discover import choose_device
from edgeprune.device.found import Ability, FoundDevice
from edgeprune.device.loaders.kind import LoaderRequest, loader_kinds
from edgeprune.device.loaders.loader import FlashLoader
from edgeprune.errors import DeviceError, UsageError
from edgeprune.hardware.profile import Loader, Target


@dataclass(frozen=True)
class Reached:
    """A loader, which of the target's it is, and the port it is on."""

    loader: FlashLoader
    profile: Loader
    port: str


def reach_loader(target: Target, request: LoaderRequest, devices: Callable[[], Sequence[FoundDevice]]) -> Reached:
    """An opened way to write the target's flash.

    Args:
        devices: called when no port is named.

    Raises:
        UsageError: the target has no loader, or not that one.
        DeviceError: nothing or several connected; a port that is busy or missing.
    """
    offered = [loader for loader in target.loaders if loader.kind != "none" and request.loader in (None, loader.kind)]
    if not offered:
        listed = ", ".join(loader.kind for loader in target.loaders) or "none"
        raise UsageError(
            f"{target.name} has no loader{f' {request.loader!r}' if request.loader else ''}; "
            f"its profile lists: {listed}",
            hint="add [[loaders]] to its TOML (docs/flash.md)",
        )
    if request.port is not None:
        kinds = loader_kinds()
        profile = next((loader for loader in offered if kinds[loader.kind].takes(request.port)), offered[0])
        return _reached(target, profile, request, request.port)
    return _connected_loader(target, offered, request, devices())


def _connected_loader(
    target: Target, offered: Sequence[Loader], request: LoaderRequest, devices: Sequence[FoundDevice]
) -> Reached:
    """The first of the target's loaders that something connected can be."""
    nothing: DeviceError | None = None
    for profile in offered:
        through = loader_kinds()[profile.kind].devices
        able = [device for device in devices if profile.usb_is_wired or target.name not in device.targets]
        candidates = [device for device in able if device.kind in through]
        try:
            chosen = choose_device(candidates, Ability.FLASH, through, target.name)
        except DeviceError as error:
            if candidates:
                raise
            nothing = nothing or _not_connected(target, profile, error, devices)
            continue
        return _reached(target, profile, request, chosen.address)
    raise nothing or DeviceError(f"no device to flash {target.name} is connected")


def _reached(target: Target, profile: Loader, request: LoaderRequest, port: str) -> Reached:
    return Reached(loader_kinds()[profile.kind].open(target, profile, request, port), profile, port)


def _not_connected(target: Target, profile: Loader, error: DeviceError, devices: Sequence[FoundDevice]) -> DeviceError:
    """`error`, with the profile's note when only the port that is not wired to the loader is there."""
    if not profile.usb_is_wired and any(target.name in device.targets for device in devices):
        return DeviceError(
            f"{target.name} is connected, but not to its loader: {profile.note or 'its USB port is not wired to it'}",
            hint=f"wire an adapter to {profile.uart} ({profile.pins}), or flash through a probe: --loader swd",
        )
    return error
