"""A plain terminal on a board's console."""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import TextIO

from edgeprune.device.links.link import Link

_READ_S = 0.1


def monitor(link: Link, source: TextIO, sink: TextIO, duration_s: float | None) -> None:
    """Copy what the board sends to `sink`, and lines of `source` to the board as commands.

    Bytes that are not printable text are shown as escapes, so a faulty board cannot send escape sequences to the
    terminal.

    Args:
        duration_s: when to stop; None: never (the user interrupts).

    Raises:
        DeviceError: the board is gone.
    """
    typed: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_collect, args=(source, typed), daemon=True).start()
    deadline_s = None if duration_s is None else time.monotonic() + duration_s
    while deadline_s is None or time.monotonic() < deadline_s:
        data = link.read(_READ_S)
        if data:
            sink.write(shown(data))
            sink.flush()
        try:
            line = typed.get_nowait().strip()
        except Empty:
            continue
        if line:
            link.write(line.removesuffix("%").encode("ascii", errors="replace") + b"%")


def shown(data: bytes) -> str:
    """Text with CR LF as line ends; everything else that is not printable ASCII as `\\xNN`."""
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F or byte == 0x0A else "" if byte == 0x0D else f"\\x{byte:02x}" for byte in data
    )


def _collect(source: TextIO, typed: SimpleQueue[str]) -> None:
    for line in source:
        typed.put(line)
