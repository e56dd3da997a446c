"""A bus that answers as a chip's registers do and writes down everything no such access should be.

What is wrong with any access: no register there, a reserved bit changed, a read-only register written, a write-only
one read, a peripheral whose clock is off or was not read back since it was switched on. What a family knows beside, it
adds by hooks on single registers.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.ports.registers.chip import Chip, Peripheral, Register

ReadHook = Callable[[int], int]
_LOOKS = 3
WriteHook = Callable[[int, int], int]  # (old value, new value) -> what the register holds then


class Bus:
    """Registers of one chip by address.

    Attributes:
        complaints: what was wrong, in order, each once.
        clocks: peripheral -> (address of the register, mask) of what switches it on; those not named are always on.
    """

    def __init__(self, chip: Chip, pc: Callable[[], int]) -> None:
        self.chip = chip
        self.complaints: list[str] = []
        self.clocks: dict[str, tuple[int, int]] = {}
        self.values: dict[int, int] = {}
        self.extra: dict[int, str] = {}
        self._unread: dict[int, int] = {}
        self._late: dict[int, tuple[int, int]] = {}
        self._reads: dict[int, ReadHook] = {}
        self._writes: dict[int, WriteHook] = {}
        self._pc = pc

    def complain(self, text: str) -> None:
        line = f"{text} (pc {self._pc():#010x})"
        if not any(known.startswith(text + " (pc") for known in self.complaints):
            self.complaints.append(line)

    def require(self, holds: bool, text: str) -> None:
        if not holds:
            self.complain(text)

    def address(self, peripheral: str, register: str) -> int:
        return self.chip.peripherals[peripheral].address(register)

    def has(self, peripheral: str, register: str) -> bool:
        found = self.chip.peripherals.get(peripheral)
        return found is not None and register in found.registers

    def get(self, peripheral: str, register: str, field: str | None = None) -> int:
        """What a register or a field of it holds, as the chip sees it."""
        found = self.chip.peripherals[peripheral]
        value = self._held(found.address(register), found.registers[register])
        return value if field is None else found.field(register, field).of(value)

    def put(self, peripheral: str, register: str, field: str, value: int) -> None:
        """The chip changes a field by itself."""
        found = self.chip.peripherals[peripheral]
        bits = found.field(register, field)
        address = found.address(register)
        held = self._held(address, found.registers[register])
        self.values[address] = held & ~bits.mask | value << bits.bit & bits.mask

    def become_ready(self, peripheral: str, register: str, field: str) -> None:
        """A field of ones that the chip takes a while to set: until it has been looked for a few times."""
        found = self.chip.peripherals[peripheral]
        mask = found.field(register, field).mask
        self.values[found.address(register)] = self._held(found.address(register), found.registers[register]) & ~mask
        self._late[found.address(register)] = (mask, _LOOKS)

    def on_read(self, peripheral: str, register: str, hook: ReadHook) -> None:
        self._reads[self.address(peripheral, register)] = hook

    def on_write(self, peripheral: str, register: str, hook: WriteHook) -> None:
        self._writes[self.address(peripheral, register)] = hook

    def was_read_back(self, peripheral: str, register: str) -> bool:
        """Has it been read since it was last written?"""
        return self.address(peripheral, register) not in self._unread

    def read(self, address: int, size_bytes: int) -> int:
        if address in self.extra:
            return self.values.get(address, 0)
        found = self._found(address, "read")
        if found is None:
            return 0
        peripheral, register = found
        self._check(peripheral, register, size_bytes)
        self.require(register.access != "write-only", f"{_name(found)} is write-only and was read")
        self._unread.pop(address, None)
        self._settle(address, register)
        value = self._held(address, register)
        hook = self._reads.get(address)
        return hook(value) if hook else value

    def write(self, address: int, size_bytes: int, value: int) -> None:
        if address in self.extra:
            self.values[address] = value
            return
        found = self._found(address, "written")
        if found is None:
            return
        peripheral, register = found
        self._check(peripheral, register, size_bytes)
        self.require(register.access != "read-only", f"{_name(found)} is read-only and was written")
        wrong = (value ^ register.reset) & ~register.known_bits & ((1 << 8 * size_bytes) - 1)
        self.require(wrong == 0, f"{_name(found)} = {value:#x}: reserved bits {wrong:#x} changed")
        self._unread[address] = value
        hook = self._writes.get(address)
        old = self._held(address, register)
        self.values[address] = hook(old, value) if hook else value

    def _held(self, address: int, register: Register) -> int:
        return self.values.get(address, register.reset)

    def _settle(self, address: int, register: Register) -> None:
        if address in self._late:
            mask, looks = self._late[address]
            self._late[address] = (mask, looks - 1)
            if looks <= 1:
                del self._late[address]
                self.values[address] = self._held(address, register) | mask

    def _found(self, address: int, done: str) -> tuple[Peripheral, Register] | None:
        candidates = self.chip.at(address)
        if not candidates:
            self.complain(f"no register at {address:#010x}, {done}")
            return None
        return candidates[0]

    def _check(self, peripheral: Peripheral, register: Register, size_bytes: int) -> None:
        whole = size_bytes == 4 or size_bytes >= register.bytes
        self.require(whole, f"{peripheral.name}.{register.name} accessed by {size_bytes} bytes")
        clock = self.clocks.get(peripheral.name)
        if clock is not None:
            enable, mask = clock
            held = self._held(enable, self.chip.at(enable)[0][1])
            self.require(held & mask == mask, f"{peripheral.name}.{register.name} is used with its clock off")
            self.require(enable not in self._unread, f"{peripheral.name} is used before its clock enable was read back")


def _name(found: tuple[Peripheral, Register]) -> str:
    return f"{found[0].name}.{found[1].name}"
