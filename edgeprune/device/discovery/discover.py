"""Every device within reach, and the choice of one."""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.device.discovery.adb_phones import adb_phones
from edgeprune.device.discovery.emulators import running_emulators
from edgeprune.device.discovery.serial_ports import serial_ports
from edgeprune.device.discovery.ssh_hosts import ssh_hosts
from edgeprune.device.found import Ability, FoundDevice, Kind
from edgeprune.device.loaders.swd import debug_probes
from edgeprune.device.loaders.uf2_drive import uf2_drives
from edgeprune.errors import DeviceError

_LIST_HINT = "`edgeprune devices` lists what is connected; name one with --port or EDGEPRUNE_PORT"


def find_devices() -> list[FoundDevice]:
    """All of them, quickly: nothing is connected to, started or queried over a slow wire."""
    return [
        *serial_ports(),
        *running_emulators(),
        *debug_probes(),
        *uf2_drives(),
        *adb_phones(),
        *ssh_hosts(),
    ]


def choose_device(
    devices: Sequence[FoundDevice], ability: Ability, kinds: Sequence[Kind], target: str | None
) -> FoundDevice:
    """The only suitable device, for when the user names none.

    Args:
        devices: from `find_devices`.
        ability: what it has to be able to do.
        kinds: ways to reach it that the command can use.
        target: the target's name; devices known to be another board are passed over, and devices known to be this one
            go before unknown devices.

    Raises:
        DeviceError: none, or several: lists them.
    """
    able = [device for device in devices if ability in device.abilities and device.kind in kinds]
    if target is not None:
        able = [device for device in able if not device.targets or target in device.targets]
        able = [device for device in able if target in device.targets] or able
    if len(able) == 1:
        return able[0]
    wanted = f" that may be {target}" if target else ""
    if not able:
        raise DeviceError(f"no device to {ability.value}{wanted} is connected", hint=_LIST_HINT)
    lines = "\n".join(f"  {device.address}  {device.title}" for device in able)
    raise DeviceError(f"{len(able)} devices{wanted} are connected and none is chosen:\n{lines}", hint=_LIST_HINT)
