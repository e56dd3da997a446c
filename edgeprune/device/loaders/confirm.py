"""After an update through our bootloader: read the new image's identity, and confirm it."""

from __future__ import annotations

from edgeprune.device.console.console import COMMAND_TIMEOUT_S, Console
from edgeprune.device.console.replies import DeviceIdentity
from edgeprune.device.links.line_reader import Damaged, NoAnswer
from edgeprune.device.links.link import Link
from edgeprune.errors import DeviceError

_NOT_KEPT_HINT = "reset the board three times and the old image is back; see what this one sends: `edgeprune monitor`"

_NOT_CONFIRMED_HINT = "check the cable and flash again, or the old image comes back at the third reset"
_ATTEMPTS = 3


def confirm(link: Link, build_id: str | None, timeout_s: float = COMMAND_TIMEOUT_S) -> DeviceIdentity:
    """Read the identity of the image on trial, and confirm it.

    Args:
        link: open, at the console's framing.
        build_id: what it must answer; None accepts any firmware of EdgePrune's.
        timeout_s: what an answer may take.

    Raises:
        DeviceError: it does not answer, or another image does; the old image comes back by itself then.
    """
    console = Console(link, timeout_s)
    try:
        identity = console.identity()
    except NoAnswer as error:
        raise DeviceError(f"the new image does not answer on {link.name}", hint=_NOT_KEPT_HINT) from error
    if build_id is not None and identity.build_id != build_id:
        raise DeviceError(
            f"{link.name} runs build {identity.build_id}, not the {build_id} that was flashed",
            hint="the bootloader has kept or brought back the old image; flash again",
        )
    for _ in range(_ATTEMPTS):
        if _is_kept(console):
            break
    else:
        raise DeviceError(f"the new image on {link.name} answers, but could not be confirmed", _NOT_CONFIRMED_HINT)
    again = console.identity()
    if again.build_id != identity.build_id:
        raise DeviceError(
            f"{link.name} came back as build {again.build_id}, not {identity.build_id}",
            hint="the bootloader has brought back the old image; flash again",
        )
    return again


def _is_kept(console: Console) -> bool:
    """Confirm once; true when the image has acknowledged and restarted. A second confirmation does no harm."""
    try:
        reply = console.command("ep confirm")
    except (Damaged, NoAnswer):
        console.identity()
        return False
    return reply[:1] == ["m-ep-confirm"] and reply[-1] == "m-init-done"
