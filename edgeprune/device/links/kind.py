"""From a port's name to its link: each module of this package that is one declares it as `LINK`, by its scheme, as
do modules that packages of others bring as `edgeprune.links`.

A name without a known scheme is a serial port (`/dev/ttyACM0`, `COM3`, or a URL of pyserial).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeprune.catalogue import modules_of, plugged_in
from edgeprune.device.links.link import Link
from edgeprune.device.links.serial_link import SerialLink


@dataclass(frozen=True)
class LinkKind:
    """One way to reach a device's console beside serial ports.

    Attributes:
        scheme: ports are called `<scheme>://<address>`.
        link: (address, bits a second) -> the link, not open yet.
    """

    scheme: str
    link: Callable[[str, int], Link]


def link_to(port: str, baud: int) -> Link:
    """The link to a port, not open yet."""
    scheme, separator, address = port.partition("://")
    ours = [getattr(module, "LINK", None) for module in modules_of("edgeprune.device.links")] if separator else []
    for kind in (*ours, *(plugged_in("links", "LINK").values() if separator else ())):
        if isinstance(kind, LinkKind) and kind.scheme == scheme:
            return kind.link(address, baud)
    return SerialLink(port, baud)
