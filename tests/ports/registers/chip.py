"""What a chip's registers are, whoever states it: peripherals, registers, fields, in addresses and bits."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

ALL_BITS = 0xFFFF_FFFF


@dataclass(frozen=True)
class Field:
    """bit: lowest; width in bits."""

    bit: int
    width: int

    @property
    def mask(self) -> int:
        return ((1 << self.width) - 1) << self.bit

    def of(self, value: int) -> int:
        return value >> self.bit & ((1 << self.width) - 1)


@dataclass(frozen=True)
class Register:
    """offset in bytes from its peripheral; access: "read-write", "read-only" or "write-only"."""

    name: str
    offset: int
    reset: int
    fields: dict[str, Field]
    access: str = "read-write"
    bytes: int = 4

    @cached_property
    def known_bits(self) -> int:
        """Bits that a field describes; all where no field is described."""
        if not self.fields:
            return ALL_BITS
        mask = 0
        for known in self.fields.values():
            mask |= known.mask
        return mask


@dataclass(frozen=True)
class Peripheral:
    name: str
    base: int
    registers: dict[str, Register] = field(default_factory=dict)

    def address(self, register: str) -> int:
        return self.base + self.registers[register].offset

    def field(self, register: str, name: str) -> Field:
        return self.registers[register].fields[name]


class Chip:
    """All peripherals of a chip that are known, by name and by address."""

    def __init__(self, name: str, source: str, peripherals: list[Peripheral]) -> None:
        self.name = name
        self.source = source
        self.peripherals = {one.name: one for one in peripherals}
        self._at: dict[int, list[tuple[Peripheral, Register]]] = {}
        for peripheral in peripherals:
            for register in peripheral.registers.values():
                self._at.setdefault(peripheral.base + register.offset, []).append((peripheral, register))

    def amended(self, source: str, changes: dict[tuple[str, str], Register]) -> Chip:
        """This chip, but for single registers that the source states otherwise."""
        peripherals = [
            Peripheral(
                one.name,
                one.base,
                one.registers | {name: row for (owner, name), row in changes.items() if owner == one.name},
            )
            for one in self.peripherals.values()
        ]
        return Chip(self.name, f"{self.source}; {source}", peripherals)

    def at(self, address: int) -> list[tuple[Peripheral, Register]]:
        """The registers at an address: none, one, or several names of the same (a UART and its twin with DMA)."""
        return self._at.get(address, [])
