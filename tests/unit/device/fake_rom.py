"""An STM32's ROM bootloader in Python, byte by byte as AN3155 describes it, without any timeout."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import reduce
from operator import xor

ACK, NACK = 0x79, 0x1F
Machine = Generator[None, int, None]


class FakeRom:
    """Link to a chip.

    Args:
        sectors: sizes in bytes, from `origin` on.
        extended: supports Extended Erase (44) instead of Erase (43).
        product_id: in its reply.
    """

    def __init__(
        self, sectors: tuple[int, ...], origin: int = 0x0800_0000, extended: bool = True, product_id: int = 0x413
    ):
        self.name = "fake ROM"
        self.origin = origin
        self.sectors = sectors
        self.extended = extended
        self.product_id = product_id
        self.flash = bytearray(b"\x5a" * sum(sectors))
        self.in_loader = True
        self.started_at: int | None = None
        self.erased: list[int] = []
        self.lines: list[tuple[bool, bool]] = []
        self.damage: Callable[[bytes], bytes] = lambda data: data
        self._out = bytearray()
        self._power_on()

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def set_lines(self, dtr: bool, rts: bool) -> None:
        """Wired "dtr-rts": DTR low resets, RTS high raises BOOT0; sampled when reset is let go."""
        was_reset = bool(self.lines and self.lines[-1][0])
        self.lines.append((dtr, rts))
        if was_reset and not dtr:
            self.in_loader = not rts
            self._power_on()

    def write(self, data: bytes) -> None:
        for byte in self.damage(data):
            if self.in_loader:
                self._machine.send(byte)

    def read(self, timeout_s: float) -> bytes:
        data = bytes(self._out)
        self._out.clear()
        return data

    def _power_on(self) -> None:
        self._out.clear()
        self._machine = self._run()
        next(self._machine)

    def _run(self) -> Machine:
        while (yield) != 0x7F:
            pass
        self._out.append(ACK)
        while True:
            code = yield
            if (yield) != code ^ 0xFF:
                self._out.append(NACK)
                continue
            command = {
                0x00: self._get, 0x02: self._get_id, 0x11: self._read, 0x21: self._go, 0x31: self._write,
                (0x44 if self.extended else 0x43): self._erase_extended if self.extended else self._erase,
            }.get(code)  # fmt: skip
            if command is None:
                self._out.append(NACK)
                continue
            self._out.append(ACK)
            yield from command()

    def _get(self) -> Machine:
        codes = [0x00, 0x01, 0x02, 0x11, 0x21, 0x31, 0x44 if self.extended else 0x43]
        self._out += bytes([len(codes), 0x31, *codes, ACK])
        yield from ()

    def _get_id(self) -> Machine:
        self._out += bytes([1, *self.product_id.to_bytes(2, "big"), ACK])
        yield from ()

    def _address(self) -> Generator[None, int, int | None]:
        received = []
        for _ in range(5):
            received.append((yield))
        if reduce(xor, received) != 0:
            self._out.append(NACK)
            return None
        return int.from_bytes(bytes(received[:4]), "big")

    def _flash_address(self) -> Generator[None, int, int | None]:
        """One that is answered with ACK; None where the command is refused."""
        address = yield from self._address()
        if address is not None and not self._inside(address, 1):
            self._out.append(NACK)
            return None
        if address is not None:
            self._out.append(ACK)
        return address

    def _inside(self, address: int, size_bytes: int) -> bool:
        return self.origin <= address and address + size_bytes <= self.origin + len(self.flash)

    def _read(self) -> Machine:
        address = yield from self._flash_address()
        if address is None:
            return
        length = yield
        if (yield) != length ^ 0xFF or not self._inside(address, length + 1):
            self._out.append(NACK)
            return
        offset = address - self.origin
        self._out += bytes([ACK]) + self.flash[offset : offset + length + 1]

    def _write(self) -> Machine:
        address = yield from self._flash_address()
        if address is None:
            return
        length = yield
        data = []
        for _ in range(length + 1):
            data.append((yield))
        if (yield) != reduce(xor, data, length) or not self._inside(address, length + 1) or (length + 1) % 4:
            self._out.append(NACK)
            return
        offset = address - self.origin
        for i, byte in enumerate(data):
            self.flash[offset + i] &= byte
        self._out.append(ACK)

    def _erase(self) -> Machine:
        count = yield
        if count == 0xFF:
            self._erased(list(range(len(self.sectors))) if (yield) == 0 else None)
            return
        pages = []
        for _ in range(count + 1):
            pages.append((yield))
        self._erased(pages if (yield) == reduce(xor, pages, count) else None)

    def _erase_extended(self) -> Machine:
        high = yield
        low = yield
        count = high << 8 | low
        if count == 0xFFFF:
            self._erased(list(range(len(self.sectors))) if (yield) == 0 else None)
            return
        received = []
        for _ in range(2 * (count + 1)):
            received.append((yield))
        pages = [received[i] << 8 | received[i + 1] for i in range(0, len(received), 2)]
        self._erased(pages if (yield) == reduce(xor, received, high ^ low) else None)

    def _erased(self, pages: list[int] | None) -> None:
        if pages is None or any(page >= len(self.sectors) for page in pages):
            self._out.append(NACK)
            return
        for page in pages:
            start = sum(self.sectors[:page])
            self.flash[start : start + self.sectors[page]] = b"\xff" * self.sectors[page]
            self.erased.append(page)
        self._out.append(ACK)

    def _go(self) -> Machine:
        address = yield from self._address()
        if address is not None:
            self._out.append(ACK)
            self.started_at = address
            self.in_loader = False
