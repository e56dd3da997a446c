"""Host side of ST's application note AN3155, the USART protocol of the STM32 bootloader.

Every command is parts (the command byte, an address, data), each answered by one byte. The protocol numbers nothing and
checks no data it sends, so callers have to verify what was written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import TypeVar

from edgeprune.device.links.line_reader import Damaged, NoAnswer, Refused
from edgeprune.device.links.link import Link

ACK, NACK, CALL = 0x79, 0x1F, 0x7F
GET, GET_ID, READ, GO, WRITE, ERASE, EXTENDED_ERASE = 0x00, 0x02, 0x11, 0x21, 0x31, 0x43, 0x44
BLOCK_BYTES = 256
_MASS_ERASE = 0xFFFF
_CALL_ANSWER_S = 0.25
_DISCARD_S = 2.0
_SLOWEST_BYTES_A_SECOND = 900  # 9600 baud
# What ends a command that was cut off: nothing, a block that is written, the longest list of pages (twice over).
_RESYNC_BYTES = (0, 300, 1100)

T = TypeVar("T")


@dataclass(frozen=True)
class Timing:
    """Seconds the other end may take.

    Attributes:
        reply_s: to answer a part that needs no work.
        write_s: to program a block.
        erase_s: to erase one page.
        erase_all_s: to erase everything.
        quiet_s: idle line that ends whatever was being sent.
        call_s: to come out of reset and answer the first call.
    """

    reply_s: float = 1.0
    write_s: float = 2.0
    erase_s: float = 8.0
    erase_all_s: float = 60.0
    quiet_s: float = 0.05
    call_s: float = 1.0


class An3155:
    """A loader behind an open link.

    Methods raise DeviceError (NoAnswer, Refused, Damaged where that is what happened) after `attempts` tries with
    resynchronization between them.

    Args:
        link: opened and closed by the caller, 8E1 where it is a serial port.
        timing: what to wait.
        parts_ahead: parts sent before their answers are awaited. ST's ROM takes 1.
        attempts: tries of every command.
    """

    def __init__(self, link: Link, timing: Timing = Timing(), parts_ahead: int = 1, attempts: int = 4):
        self._link = link
        self._timing = timing
        self._parts_ahead = parts_ahead
        self._attempts = attempts
        self._pending = bytearray()

    def call(self, patience_s: float) -> None:
        """Send 0x7F until a loader answers that it is, or already was, in a session.

        Raises:
            NoAnswer: none did within `patience_s`.
        """
        deadline_s = time.monotonic() + patience_s
        self._discard(0.0)
        while not self._answers():
            if time.monotonic() >= deadline_s:
                raise NoAnswer(f"no bootloader answers on {self._link.name}", hint=_CABLE_HINT)
            self._discard(0.0)

    def commands(self) -> frozenset[int]:
        """Codes the loader supports."""
        return self._retried(self._commands)

    def product_id(self) -> int:
        """The part's id, as AN2606 lists them."""
        return self._retried(self._product_id)

    def read(self, address: int, size_bytes: int) -> bytes:
        """1 to 256 bytes of memory. Nothing proves that they came over the wire unharmed."""
        return self._retried(lambda: self._read(address, size_bytes))

    def write(self, address: int, content: bytes) -> None:
        """Program 4 to 256 bytes, a multiple of 4."""
        length = bytes([len(content) - 1])
        data = _with_sum(length + content)
        parts = (_command(WRITE), _with_sum(_address(address)), data)
        self._retried(lambda: self._do(parts, self._timing.write_s))

    def erase(self, pages: Sequence[int]) -> None:
        """Erase pages (sectors) by number, at most 256 at a time. For parts with Extended Erase."""
        count = (len(pages) - 1).to_bytes(2, "big")
        listed = _with_sum(count + b"".join(page.to_bytes(2, "big") for page in pages))
        patience_s = self._timing.reply_s + len(pages) * self._timing.erase_s
        self._retried(lambda: self._do((_command(EXTENDED_ERASE), listed), patience_s))

    def erase_classic(self, pages: Sequence[int]) -> None:
        """Erase pages by number, at most 255 at a time. For parts without Extended Erase."""
        listed = _with_sum(bytes([len(pages) - 1, *pages]))
        patience_s = self._timing.reply_s + len(pages) * self._timing.erase_s
        self._retried(lambda: self._do((_command(ERASE), listed), patience_s))

    def erase_all(self) -> None:
        """Mass erase, by Extended Erase."""
        parts = (_command(EXTENDED_ERASE), _with_sum(_MASS_ERASE.to_bytes(2, "big")))
        self._retried(lambda: self._do(parts, self._timing.erase_all_s))

    def erase_all_classic(self) -> None:
        """Mass erase, for parts without Extended Erase."""
        self._retried(lambda: self._do((_command(ERASE), b"\xff\x00"), self._timing.erase_all_s))

    def go(self, address: int) -> None:
        """Start what lies at `address`. Not tried again: a lost answer looks like a started application."""
        self._send((_command(GO), _with_sum(_address(address))), self._timing.write_s)

    def resynchronize(self) -> None:
        """Bring the loader to where it waits for a command, whatever it was sent before.

        0x7F is no command and not its own complement, and many of them are no checksum: every state ends in a refusal.

        Raises:
            NoAnswer: no refusal came.
        """
        for count in _RESYNC_BYTES:
            self._link.write(bytes([CALL]) * count)
            self._discard(self._timing.quiet_s)
            # A ROM that waits for a command takes two for one, and there may be one on the way to it.
            if self._answers() or self._answers():
                return
        raise NoAnswer(
            f"{self._link.name} lost synchronization and does not recover",
            hint="check the cable and the supply, reset the board and flash it again",
        )

    def _answers(self) -> bool:
        """Is one 0x7F answered, by one byte alone? An application's text may hold the same byte."""
        self._link.write(bytes([CALL]))
        if self._byte(min(self._timing.reply_s, _CALL_ANSWER_S)) not in (ACK, NACK):
            return False
        return self._byte(self._timing.quiet_s) is None

    def _commands(self) -> frozenset[int]:
        self._send((_command(GET),), self._timing.reply_s)
        count = self._exactly(1)[0] + 1
        reply = self._exactly(count)
        self._acknowledged(self._timing.reply_s)
        return frozenset(reply[1:])

    def _product_id(self) -> int:
        self._send((_command(GET_ID),), self._timing.reply_s)
        reply = self._exactly(self._exactly(1)[0] + 1)
        self._acknowledged(self._timing.reply_s)
        return int.from_bytes(reply, "big")

    def _read(self, address: int, size_bytes: int) -> bytes:
        length = size_bytes - 1
        self._send((_command(READ), _with_sum(_address(address)), bytes([length, length ^ 0xFF])), self._timing.write_s)
        return self._exactly(size_bytes)

    def _send(self, parts: Sequence[bytes], last_s: float) -> None:
        """All parts and their answers, `_parts_ahead` of them on the way at a time."""
        for first in range(0, len(parts), self._parts_ahead):
            self._expect_idle()
            group = parts[first : first + self._parts_ahead]
            self._link.write(b"".join(group))
            for index in range(first, first + len(group)):
                self._acknowledged(last_s if index == len(parts) - 1 else self._timing.reply_s)

    def _do(self, parts: Sequence[bytes], last_s: float) -> None:
        """`_send` for a command that nothing follows."""
        self._send(parts, last_s)
        self._expect_idle()

    def _expect_idle(self) -> None:
        """A surplus answer would be taken for the next part's, and shift all later ones."""
        self._pending += self._link.read(0.0)
        if self._pending:
            raise Damaged(f"{self._link.name} sent more than one answer", hint=_CABLE_HINT)

    def _acknowledged(self, timeout_s: float) -> None:
        answer = self._byte(timeout_s)
        if answer is None:
            raise NoAnswer(f"the bootloader on {self._link.name} stopped answering", hint=_CABLE_HINT)
        if answer == NACK:
            raise Refused(f"the bootloader on {self._link.name} refused a command", hint=_REFUSED_HINT)
        if answer != ACK:
            raise Damaged(f"the bootloader on {self._link.name} answered {answer:#04x}", hint=_CABLE_HINT)

    def _exactly(self, size_bytes: int) -> bytes:
        """As many bytes, at the pace of the slowest wire."""
        deadline_s = time.monotonic() + self._timing.reply_s + size_bytes / _SLOWEST_BYTES_A_SECOND
        while len(self._pending) < size_bytes:
            rest_s = deadline_s - time.monotonic()
            data = self._link.read(min(self._timing.reply_s, rest_s)) if rest_s > 0 else b""
            if not data:
                raise Damaged(
                    f"{len(self._pending)} of {size_bytes} bytes came from {self._link.name}", hint=_CABLE_HINT
                )
            self._pending += data
        taken = bytes(self._pending[:size_bytes])
        del self._pending[:size_bytes]
        return taken

    def _byte(self, timeout_s: float) -> int | None:
        if not self._pending:
            self._pending += self._link.read(timeout_s)
        return self._pending.pop(0) if self._pending else None

    def _discard(self, quiet_s: float) -> None:
        """Drop received bytes until the line is idle (or has been busy for too long)."""
        self._pending.clear()
        deadline_s = time.monotonic() + _DISCARD_S
        while self._link.read(quiet_s) and time.monotonic() < deadline_s:
            pass

    def _retried(self, action: Callable[[], T]) -> T:
        for _ in range(self._attempts - 1):
            try:
                return action()
            except (Damaged, NoAnswer, Refused):
                self.resynchronize()
        return action()


_CABLE_HINT = "check the cable and the ground wire, or lower --baud"
_REFUSED_HINT = "flash it again; if that does not help, lower --baud or erase everything first (--erase)"


def _command(code: int) -> bytes:
    return bytes([code, code ^ 0xFF])


def _address(address: int) -> bytes:
    return address.to_bytes(4, "big")


def _with_sum(data: bytes) -> bytes:
    return data + bytes([reduce(xor, data)])
