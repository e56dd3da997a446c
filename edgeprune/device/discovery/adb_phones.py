"""Android phones, as a running adb server lists them."""

from __future__ import annotations

import os
import re
import shutil
import socket

from edgeprune.device.found import Ability, FoundDevice, Kind

_PORT = 5037
_TIMEOUT_S = 0.3
_MAX_REPLY_BYTES = 65536


def adb_phones() -> list[FoundDevice]:
    """Phones of the adb server; none when adb is not installed or its server does not run.

    The server is queried directly by its own protocol (host:devices-l): the adb program would start it, which takes
    seconds.
    """
    if shutil.which("adb") is None:
        return []
    try:
        return parse_phones(_ask(b"host:devices-l"))
    except OSError:
        return []


def parse_phones(reply: str) -> list[FoundDevice]:
    """Lines `SERIAL  STATE key:value ...` as devices, called as `--device` takes them."""
    phones = []
    for line in reply.splitlines():
        match = re.fullmatch(r"(\S+)\s+(device|offline|unauthorized|recovery|sideload)\b(.*)", line)
        if match is None:
            continue
        serial, state, rest = match.groups()
        model = re.search(r"\bmodel:(\S+)", rest)
        ready = state == "device"
        note = None if ready else f"{state}: unlock the phone and allow USB debugging"
        abilities = (Ability.PROFILE,) if ready else ()
        title = model[1].replace("_", " ") if model else "Android phone"
        phones.append(FoundDevice(Kind.ADB, f"adb:{serial}", title, abilities=abilities, note=note))
    return phones


def _ask(request: bytes) -> str:
    """One request of adb's server protocol: four hex digits of length, then `OKAY`, length, text."""
    port = int(os.environ.get("ANDROID_ADB_SERVER_PORT", _PORT))
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S) as wire:
        wire.sendall(f"{len(request):04x}".encode() + request)
        data = b""
        while len(data) < _MAX_REPLY_BYTES and (more := wire.recv(4096)):
            data += more
            if len(data) >= 8 and data[:4] == b"OKAY" and len(data) - 8 >= _length(data):
                break
    return data[8:].decode("utf-8", errors="replace") if data[:4] == b"OKAY" else ""


def _length(data: bytes) -> int:
    """The length behind `OKAY`; anything but a number ends the reply."""
    return int(data[4:8], 16) if re.fullmatch(rb"[0-9a-fA-F]{4}", data[4:8]) else 0
