"""Which boards a USB id may be: the targets' `link.usb_ids`, and the adapters people wire to boards without USB."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from edgeprune.files.shipped import shipped

# USB-UART bridges, from their makers' data sheets; the board behind one is unknown.
ADAPTERS = {
    "0403:6001": "FTDI FT232R adapter",
    "0403:6010": "FTDI FT2232 adapter",
    "0403:6014": "FTDI FT232H adapter",
    "0403:6015": "FTDI FT231X adapter",
    "10c4:ea60": "Silicon Labs CP210x adapter",
    "1a86:7523": "WCH CH340 adapter",
    "1a86:55d4": "WCH CH9102 adapter",
    "067b:2303": "Prolific PL2303 adapter",
}


@dataclass(frozen=True)
class KnownBoard:
    """A target that identifies itself on USB: name, title, its ids and the kinds of loader it has."""

    name: str
    title: str
    usb_ids: tuple[str, ...]
    loaders: tuple[str, ...]


def known_boards() -> tuple[KnownBoard, ...]:
    """The shipped targets with USB ids. Only these keys are read, unchecked: listing devices has to be quick."""
    boards = []
    for path in sorted(shipped("targets").glob("*/*.toml")):
        data = tomllib.loads(path.read_text("utf-8"))
        usb_ids = tuple(data.get("link", {}).get("usb_ids", ()))
        if usb_ids:
            loaders = tuple(loader["kind"] for loader in data.get("loaders", ()) if loader.get("usb_is_wired", True))
            boards.append(KnownBoard(data["name"], data["title"], usb_ids, loaders))
    return tuple(boards)
