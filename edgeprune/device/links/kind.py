"""From a port's name to its link: each module of this package that is one declares it as `LINK`, by its scheme, as
do modules that packages of others bring as `edgeprune.links`.

A name without a known scheme is a serial port (`/dev/ttyACM0`, `COM3`, or a URL of pyserial).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeprune.catalogue import modules_of, plugged_modules
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
    modules = (*modules_of("edgeprune.device.links"), *plugged_modules("links")) if separator else ()
    for module in modules:
        kind: LinkKind | None = getattr(module, "LINK", None)
        if kind is not None and kind.scheme == scheme:
            return kind.link(address, baud)
    return SerialLink(port, baud)
