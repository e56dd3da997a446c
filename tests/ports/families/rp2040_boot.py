"""The RP2040 before its image runs: the SSI (data sheet, 4.10) and a W25Q16JV behind it (Winbond's data sheet)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.ports.families.rp2 import Rp2040

if TYPE_CHECKING:
    from tests.ports.machine import Machine

BOOT2_COPY = 0x2004_1F00
_SETTINGS = ("CTRLR0", "CTRLR1", "BAUDR", "RX_SAMPLE_DLY", "SPI_CTRLR0")
_PLAIN = (0x001F_0300, 0x0300_0218)  # CTRLR0, SPI_CTRLR0: 03h, one line
_QUAD = (0x005F_0300, 0xA000_2022)  # 32 address and mode bits, 4 dummies, all on four lines, no command
_UNCACHED = 0x1300_0000


@dataclass
class FlashChip:
    """quad_enabled: bit 1 of status register 2; has_quad: can it be set? continuous: reads need no command."""

    quad_enabled: bool = False
    has_quad: bool = True
    continuous: bool = False
    is_write_open: bool = False
    commands: list[bytes] = field(default_factory=list)

    def command(self, sent: bytes) -> bytes:
        """What comes back, byte for byte."""
        self.commands.append(sent)
        if set(sent) == {0xFF}:
            self.continuous = False
        if self.continuous:
            return bytes(len(sent))
        if sent[0] == 0x50:
            self.is_write_open = True
        if sent[0] == 0x31 and self.is_write_open and len(sent) == 2:
            self.quad_enabled = self.has_quad and bool(sent[1] & 2)
            self.is_write_open = False
        status = {0x35: 2 * self.quad_enabled}.get(sent[0], 0xFF)
        return bytes([0xFF] + [status] * (len(sent) - 1))


class Rp2040Boot(Rp2040):
    """Attributes: flash: the chip, to be replaced before it starts."""

    windows = (*Rp2040.windows, (0x1800_0000, 0x1000), (_UNCACHED, 0x1000))

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.flash = FlashChip()
        self._out: list[int] = []
        self._in: list[int] = []
        for block in ("IO_QSPI", "PADS_QSPI"):
            self.bus.put("RESETS", "RESET", block, 0)  # the ROM has read flash through them
        for register in _SETTINGS:
            self.bus.on_write("SSI", register, self._set)
        self.bus.on_write("SSI", "SSIENR", self._enable)
        self.bus.on_write("SSI", "DR0", self._put)
        self.bus.on_read("SSI", "DR0", lambda _value: self._in.pop(0) if self._in else 0)
        self.bus.on_read("SSI", "SR", lambda _value: self._exchange())

    def read(self, address: int, size_bytes: int) -> int:
        if _UNCACHED <= address < _UNCACHED + 0x1000:
            return self._xip(address - _UNCACHED)
        if address >> 24 == 0x18:
            return self.bus.read(address, size_bytes)
        return super().read(address, size_bytes)

    def write(self, address: int, size_bytes: int, value: int) -> None:
        if address >> 24 == 0x18:
            self.bus.write(address, size_bytes, value)
        else:
            super().write(address, size_bytes, value)

    def core_cycles_a_word(self) -> int:
        """Of an uncached read, as the SSI is set."""
        clocks = {_PLAIN: 8 + 24 + 32, _QUAD: 8 + 4 + 8}[self._mode()]
        return clocks * self.bus.get("SSI", "BAUDR")

    def _mode(self) -> tuple[int, int]:
        return self.bus.get("SSI", "CTRLR0"), self.bus.get("SSI", "SPI_CTRLR0")

    def _on(self) -> bool:
        return bool(self.bus.get("SSI", "SSIENR"))

    def _set(self, _old: int, new: int) -> int:
        self.bus.require(not self._on(), "the SSI's settings are written while it is on")
        return new

    def _enable(self, _old: int, new: int) -> int:
        baud = self.bus.get("SSI", "BAUDR")
        self.bus.require(not new or (baud >= 2 and baud % 2 == 0), f"the SSI is switched on with BAUDR = {baud}")
        self._out.clear()
        self._in.clear()
        return new

    def _put(self, _old: int, new: int) -> int:
        self.bus.require(self._on(), "DR0 is written while the SSI is off")
        self._out.append(new)
        return 0

    def _exchange(self) -> int:
        """SR: what was written goes out before it is read as idle."""
        if self._out:
            control, out = self.bus.get("SSI", "CTRLR0"), list(self._out)
            self._out.clear()
            if control >> 21 & 3 == 0 and control >> 16 & 31 == 7:
                self._in += self.flash.command(bytes(out))
            elif control >> 21 & 3 == 2:
                form = self.bus.get("SSI", "SPI_CTRLR0")
                is_read = form == 0x2221 and out[:1] == [0xEB] and len(out) == 2
                self.bus.require(is_read, f"quad transfer {out} in form {form:#x} is no EBh")
                self.flash.continuous = self.flash.quad_enabled and out[1] >> 4 & 3 == 2
                self._in.append(0)
            else:
                self.bus.complain(f"a transfer with CTRLR0 = {control:#x}")
        return 0x04 | (0x08 if self._in else 0)

    def _xip(self, offset: int) -> int:
        works = {_PLAIN: not self.flash.continuous, _QUAD: self.flash.continuous}.get(self._mode(), False)
        if not (works and self._on()):
            return 0xFFFF_FFFF
        return int.from_bytes(self.machine.uc.mem_read(0x1000_0000 + offset, 4), "little")
