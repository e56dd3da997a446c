"""After an update through our bootloader: ask the new image who it is, and have it kept."""

from __future__ import annotations

from edgeprune.device.console import Console
from edgeprune.device.lines import Silent
from edgeprune.device.link import Link
from edgeprune.device.replies import DeviceIdentity
from edgeprune.errors import DeviceError

_NOT_KEPT_HINT = "reset the board three times and the old image is back; see what this one says: `edgeprune monitor`"


def confirm(link: Link, build_id: str | None) -> DeviceIdentity:
    """Talk to the image on trial and tell it that it may stay.

    Args:
        link: open, at the console's framing.
        build_id: what it must answer; None accepts any firmware of EdgePrune's.

    Raises:
        DeviceError: it does not answer, or another image does; the old image comes back by itself then.
    """
    console = Console(link)
    try:
        identity = console.identity()
    except Silent as error:
        raise DeviceError(f"the new image does not answer on {link.name}", hint=_NOT_KEPT_HINT) from error
    if build_id is not None and identity.build_id != build_id:
        raise DeviceError(
            f"{link.name} runs build {identity.build_id}, not the {build_id} that was flashed",
            hint="the bootloader has kept or brought back the old image; flash again",
        )
    console.command("ep confirm")
    again = console.identity()
    if again.build_id != identity.build_id:
        raise DeviceError(f"{link.name} came back as build {again.build_id}", hint="flash again")
    return again
