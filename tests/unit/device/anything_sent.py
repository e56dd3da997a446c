"""Everything that reads what a device sends, each as a function of arbitrary bytes.

Whatever the bytes, these return or raise EdgePruneError; another exception, a hang or growing memory is a fault.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable

from edgeprune.device.console.console import Console
from edgeprune.device.console.fault import describe_fault
from edgeprune.device.console.monitor import shown
from edgeprune.device.console.replies import (
    DeviceIdentity,
    identity_from,
    layers_from,
    memory_from,
    output_from,
    results_from,
)
from edgeprune.device.discovery.adb_phones import parse_phones
from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.loaders.an3155 import An3155, Timing
from edgeprune.device.loaders.boot_info import INFO_BYTES, boot_info
from edgeprune.device.loaders.boot_loader import BootLoader
from edgeprune.device.loaders.confirm import confirm
from edgeprune.device.loaders.stm32_rom import Stm32Rom
from edgeprune.device.loaders.write_image import WriteOptions, write_image
from edgeprune.errors import EdgePruneError
from edgeprune.hardware.registry import load_target
from edgeprune.progress import Silent

NOW = Timing(reply_s=0.0, write_s=0.0, erase_s=0.0, erase_all_s=0.0, quiet_s=0.0, call_s=0.0)
IDENTITY = DeviceIdentity("a-board", "0" * 16, "1" * 16, 0x2000_0000, 16, "cycles", 84_000_000)
STM32 = load_target("stm32f4-discovery")
_PIECE_BYTES = 40
IMAGE = Image((Segment(0x0800_0000, bytes(300)),))


TURN = b"\xfe"


class Babble:
    """Link to a device that sends given bytes, whatever it receives: up to each TURN after another write."""

    name = "babble"

    def __init__(self, data: bytes):
        self._turns = data.split(TURN)
        self._turns.reverse()
        self._pending = b""

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        if self._turns:
            self._pending += self._turns.pop()

    def read(self, timeout_s: float) -> bytes:
        data, self._pending = self._pending[:_PIECE_BYTES], self._pending[_PIECE_BYTES:]
        return data


def _console(ask: Callable[[Console], object]) -> Callable[[bytes], object]:
    return lambda data: ask(Console(Babble(data)))


def _loader(ask: Callable[[An3155], object]) -> Callable[[bytes], object]:
    return lambda data: ask(An3155(Babble(data), NOW))


def _reply(read: Callable[[list[str]], object]) -> Callable[[bytes], object]:
    """Lines whose CRC holds: damage is out of the question, only another firmware."""
    return lambda data: read(data.decode("ascii", errors="replace").splitlines())


def _with_crc(*lines: str) -> bytes:
    body = "".join(f"{line}\r\n" for line in lines).encode()
    return body + f"m-ep-crc-{zlib.crc32(body):08x}\r\nm-ready\r\n".encode()


_IDENTITY = _with_crc(
    "m-ep-protocol-1", "m-ep-target-[a-board]", "m-ep-model-[0123456789abcdef]", "m-ep-build-[fedcba9876543210]",
    "m-ep-input-[20000010 16]", "m-ep-clock-[cycles 84000000]",
)  # fmt: skip
_INFER = b"m-warmup-start-0\r\nm-warmup-done\r\nm-infer-done\r\nm-results-[0.000]\r\nm-ready\r\n"
_OUTPUT = _with_crc(f"m-ep-input-crc-{zlib.crc32(bytes(16)):08x}", "m-ep-output-01020304")
_LOADED = _with_crc("m-ep-send-16", "m-ep-loaded-16").removeprefix(b"m-ep-send-16\r\n")
_TIMES = ("m-ep-layer-0-10", "m-ep-layer-1-20", "m-ep-total-31")
_ACK = b"\x79"
_COMMANDS = b"\x79\x07\x31\x00\x01\x02\x11\x21\x31\x44\x79"

# What a device in order sends to some of the readers below, for a fuzzer to begin with.
IN_ORDER: dict[str, bytes] = {
    "console identity": _IDENTITY,
    "console inference": TURN.join((_IDENTITY, b"m-ep-send-16\r\n", _LOADED, _INFER, _OUTPUT)),
    "console layers": TURN.join((_IDENTITY, _INFER, _with_crc(*_TIMES, *_TIMES))),
    "console memory": _with_crc("m-ep-arena-1", "m-ep-stack-2", "m-ep-stack-all-3", "m-ep-data-4"),
    "console results": TURN.join((b"m-results-[0.000,-1.500]\r\nm-ready\r\n",) * 2),
    "confirmation": TURN.join((_IDENTITY, b"m-ep-confirm\r\nm-init-done\r\nm-ready\r\n", _IDENTITY)),
    "loader: commands": _COMMANDS,
    "loader: product id": b"\x79\x01\x04\x13\x79",
    "loader: read": TURN.join((_ACK, _ACK, _ACK + bytes(256))),
    "loader: write": TURN.join((_ACK,) * 3),
    "loader: erase": TURN.join((_ACK,) * 2),
    "ROM session": TURN.join((_ACK, _COMMANDS, b"\x79\x01\x04\x13\x79", *(_ACK,) * 40)),
    "bootloader session": TURN.join((_ACK, _ACK + _ACK + _ACK + bytes(INFO_BYTES))),
}


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
    "ROM session": lambda data: write_image(
        Stm32Rom(Babble(data), STM32, STM32.loaders[0], timing=NOW), IMAGE, WriteOptions(), Silent()
    ),
    "bootloader session": lambda data: write_image(
        BootLoader(Babble(data), "a-board", timing=NOW), IMAGE, WriteOptions(), Silent()
    ),
    "bootloader description": boot_info,
    "bootloader description, CRC right": lambda data: boot_info(_with_right_crc(data)),
    "monitor": shown,
    "adb": lambda data: parse_phones(data.decode(errors="replace")),
}


def read_anything(name: str, data: bytes) -> None:
    """One reader on these bytes; raises what no reader may."""
    with contextlib.suppress(EdgePruneError):
        READERS[name](data)
