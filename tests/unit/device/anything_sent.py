"""Everything that reads what a device sends, each as a function of arbitrary bytes.

Whatever the bytes, these return or raise EdgePruneError; another exception, a hang or growing memory is a fault.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable

from edgeprune.device.adb_phones import parse_phones
from edgeprune.device.an3155 import An3155, Timing
from edgeprune.device.boot_info import INFO_BYTES, boot_info
from edgeprune.device.boot_loader import BootLoader
from edgeprune.device.confirm import confirm
from edgeprune.device.console import Console
from edgeprune.device.fault import describe_fault
from edgeprune.device.flash import FlashOptions, flash
from edgeprune.device.monitor import shown
from edgeprune.device.replies import DeviceIdentity, identity_from, layers_from, memory_from, output_from, results_from
from edgeprune.device.stm32_rom import Stm32Rom
from edgeprune.errors import EdgePruneError
from edgeprune.image.segments import Image, Segment
from edgeprune.progress import Silent
from edgeprune.target.registry import load_target

NOW = Timing(reply_s=0.0, write_s=0.0, erase_s=0.0, erase_all_s=0.0, quiet_s=0.0, call_s=0.0)
IDENTITY = DeviceIdentity("a-board", "0" * 16, "1" * 16, 0x2000_0000, 16, "cycles", 84_000_000)
STM32 = load_target("stm32f4-discovery")
IMAGE = Image((Segment(0x0800_0000, bytes(300)),))


class Babble:
    """Link to a device that says given bytes, piece by piece, whatever it is told, then nothing."""

    name = "babble"

    def __init__(self, data: bytes):
        size = data[0] % 40 + 1 if data else 1
        self._pieces = [data[at : at + size] for at in range(1, len(data), size)]
        self._pieces.reverse()

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        pass

    def read(self, timeout_s: float) -> bytes:
        return self._pieces.pop() if self._pieces else b""


def _console(ask: Callable[[Console], object]) -> Callable[[bytes], object]:
    return lambda data: ask(Console(Babble(data)))


def _loader(ask: Callable[[An3155], object]) -> Callable[[bytes], object]:
    return lambda data: ask(An3155(Babble(data), NOW, parts_ahead=1 + len(data) % 3))


def _reply(read: Callable[[list[str]], object]) -> Callable[[bytes], object]:
    """Lines whose CRC holds: damage is out of the question, only another firmware."""
    return lambda data: read(data.decode("ascii", errors="replace").splitlines())


def _with_right_crc(data: bytes) -> bytes:
    body = data[: INFO_BYTES - 4].ljust(INFO_BYTES - 4, b"\0")
    return body + zlib.crc32(body).to_bytes(4, "little")


READERS: dict[str, Callable[[bytes], object]] = {
    "console identity": _console(lambda console: console.identity()),
    "console boot": _console(lambda console: console.await_boot()),
    "console inference": _console(lambda console: console.infer(bytes(16))),
    "console layers": _console(lambda console: console.layers(2)),
    "console memory": _console(lambda console: console.memory()),
    "console results": _console(lambda console: console.results()),
    "confirmation": lambda data: confirm(Babble(data), None),
    "reply: identity": _reply(lambda lines: identity_from(lines, "board")),
    "reply: memory": _reply(lambda lines: memory_from(lines, "board")),
    "reply: layers": _reply(lambda lines: layers_from(lines, 2, IDENTITY, "board")),
    "reply: output": _reply(lambda lines: output_from(lines, "board")),
    "reply: results": _reply(lambda lines: results_from(lines, "board")),
    "reply: fault": _reply(lambda lines: describe_fault("".join(lines), "board")),
    "loader: call": _loader(lambda protocol: protocol.call(0.0)),
    "loader: commands": _loader(lambda protocol: protocol.commands()),
    "loader: product id": _loader(lambda protocol: protocol.product_id()),
    "loader: read": _loader(lambda protocol: protocol.read(0x0800_0000, 256)),
    "loader: write": _loader(lambda protocol: protocol.write(0x0800_0000, bytes(64))),
    "loader: erase": _loader(lambda protocol: protocol.erase([0, 1])),
    "ROM session": lambda data: flash(
        Stm32Rom(Babble(data), STM32, STM32.loaders[0], timing=NOW), IMAGE, FlashOptions(), Silent()
    ),
    "bootloader session": lambda data: flash(BootLoader(Babble(data), timing=NOW), IMAGE, FlashOptions(), Silent()),
    "bootloader description": boot_info,
    "bootloader description, CRC right": lambda data: boot_info(_with_right_crc(data)),
    "monitor": shown,
    "adb": lambda data: parse_phones(data.decode(errors="replace")),
}


def read_anything(name: str, data: bytes) -> None:
    """One reader on these bytes; raises what no reader may."""
    with contextlib.suppress(EdgePruneError):
        READERS[name](data)
