"""A board without the board: its real image on Unicorn's core, its registers on a strict bus, its UART at line rate.

Time is counted in instructions, one a cycle, at the core clock that the chip's registers ask for at that moment; where
the image waits for the UART, time goes on to what it waits for. Interrupts are taken between slices of instructions.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile

from edgeprune.hardware.profile import Target
from tests.ports.bus import Bus
from tests.ports.core import SYSTICK, CoreRegisters
from tests.ports.registers.chip import Chip

pytest.importorskip("unicorn", reason="ports run on Unicorn: pip install -e '.[dev]'")

import unicorn
from unicorn import arm_const as arm

if TYPE_CHECKING:
    from tests.ports.families.family import Family

_MODELS = {
    "cortex-m0": arm.UC_CPU_ARM_CORTEX_M0,
    "cortex-m0plus": arm.UC_CPU_ARM_CORTEX_M0,
    "cortex-m3": arm.UC_CPU_ARM_CORTEX_M3,
    "cortex-m4": arm.UC_CPU_ARM_CORTEX_M4,
    "cortex-m7": arm.UC_CPU_ARM_CORTEX_M7,
    "cortex-m33": arm.UC_CPU_ARM_CORTEX_M33,
}
_STACKED = (
    arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3, arm.UC_ARM_REG_R12, arm.UC_ARM_REG_LR,
)  # fmt: skip
_STATUS = arm.UC_ARM_REG_XPSR
_PAGE = 0x1000
_RETURN = 0x9000_0000  # where an interrupt handler returns to: no chip has anything there, the run ends
_SLICE = 20_000  # instructions
_HANDLER_LIMIT = 5_000
_POLLS = 3
_RESET_KEY = 0x05FA_0004
HARD_FAULT = 3


class Hung(Exception):
    """The image stopped answering, with where it was."""


class Machine:
    """Attributes: sent: bytes the image put on the wire; seconds: since reset."""

    def __init__(self, target: Target, elf: Path, chip: Chip, family: Callable[[Machine], Family]) -> None:
        self.target = target
        self.seconds = 0.0
        self.cycles = 0.0
        self.sent = bytearray()
        self.bus = Bus(chip, self._pc)
        self.uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self.uc.ctl_set_cpu_model(_MODELS[target.cpu.core])
        self.vectors_at_reset = target.vectors_origin
        self._wire: list[int] = []
        self._next_byte_at = 0.0
        self._waits = False
        self._polls = 0
        self._fault = ""
        self._undefined = False
        self.was_reset = False
        self.family = family(self)
        self.core = CoreRegisters(self, target.cpu.core not in ("cortex-m0", "cortex-m0plus"), self.family.has_dwt_lock)
        self._map(elf)
        self.uc.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        self.uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_invalid)
        stack, entry = struct.unpack("<II", self.uc.mem_read(self.vectors_at_reset, 8))
        self.uc.reg_write(arm.UC_ARM_REG_MSP, stack)
        self.uc.reg_write(arm.UC_ARM_REG_SP, stack)
        self._at = entry

    def send(self, content: bytes) -> None:
        """Bytes of the host, one after the other at line rate from now on."""
        if not self._wire:
            self._next_byte_at = self.seconds + self.byte_seconds
        self._wire += content

    @property
    def core_hz(self) -> float:
        """Of the family, complained of where no clock runs."""
        wanted = self.family.core_hz
        self.bus.require(wanted > 0, "the core has no clock")
        return wanted or 1e6

    @property
    def on_the_wire(self) -> int:
        """Bytes of the host that have not arrived."""
        return len(self._wire)

    def run(self, done: Callable[[], bool], instructions: int) -> None:
        """Runs until `done`.

        Raises:
            Hung: it is not done after so many instructions, or the core faulted.
        """
        left = instructions
        while not done():
            if left <= 0:
                raise Hung(f"no answer after {instructions:,} instructions, at {self._pc():#010x}; sent {self.sent!r}")
            left -= self._step()

    def run_to(self, ending: bytes, instructions: int = 20_000_000) -> bytes:
        """Runs until the image has sent `ending`; what it sent since the last call is returned and taken away."""
        self.run(lambda: ending in self.sent, instructions)
        reply = bytes(self.sent)
        self.sent.clear()
        return reply

    @property
    def byte_seconds(self) -> float:
        return 10 / self.target.baud

    def begin_at(self, entry: int) -> None:
        """The image starts there, not where its vector table states."""
        self._at = entry

    def reset(self, written: int) -> None:
        """The image writes AIRCR: it ends here."""
        self.bus.require(written == _RESET_KEY, f"AIRCR = {written:#x} is no request for a reset")
        self.bus.require(self.family.uart.drained(), "the core is reset before the last byte is on the wire")
        self.was_reset = True
        self.uc.emu_stop()

    def polled(self) -> None:
        """The image looked and nothing had happened. After a few looks time goes on to the next thing that does."""
        self._polls += 1
        if self._polls > _POLLS:
            self._polls = 0  # the look that stops the core is made again when it goes on
            self._waits = True
            self.uc.emu_stop()

    def acted(self) -> None:
        self._polls = 0

    def _step(self) -> int:
        self._interrupts()
        due = self._due()
        count = _SLICE
        if due is not None:
            count = max(1, min(_SLICE, int((due - self.seconds) * self.core_hz)))
        self._waits = False
        self._go(count, 0)
        if self._undefined:
            self._undefined = False
            self._enter(HARD_FAULT)
        due = self._due() if self._waits else None
        if due is not None:
            self.cycles += max(0.0, due - self.seconds) * self.core_hz
            self.seconds = max(self.seconds, due)
        else:
            self._spend(count)
        self._arrive()
        return count

    def _spend(self, instructions: int) -> None:
        self.cycles += instructions
        self.seconds += instructions / self.core_hz

    def _due(self) -> float | None:
        times = [self._next_byte_at] if self._wire else []
        times += [time for time in (self.family.uart.free_at, self.core.systick_due()) if time and time > self.seconds]
        return min(times) if times else None

    def _arrive(self) -> None:
        while self._wire and self._next_byte_at <= self.seconds:
            self.family.uart.receive(self._wire.pop(0))
            self._next_byte_at += self.byte_seconds
            self._interrupts()

    def _interrupts(self) -> None:
        due = self.core.systick_due()
        if due is not None and due <= self.seconds:
            self.core.systick_taken()
            self._take(SYSTICK)
        uart = self.family.uart
        for _ in range(uart.depth + 1):
            if not (uart.interrupts() and self.family.uart_irq in self.core.enabled):
                return
            if self.uc.reg_read(arm.UC_ARM_REG_PRIMASK) & 1:
                return
            self._take(16 + self.family.uart_irq)
        self.bus.complain("the UART's interrupt stays on after its handler has run")
        self.core.enabled.discard(self.family.uart_irq)

    def _take(self, exception: int) -> None:
        """An interrupt's handler, from entry to return (Armv7-M ARM B1.5.6 to B1.5.8), without floating point."""
        saved = [(register, self.uc.reg_read(register)) for register in (*_STACKED, _STATUS, arm.UC_ARM_REG_SP)]
        at = self._at
        self._enter(exception)
        self._go(_HANDLER_LIMIT, _RETURN)
        if self._at & ~1 != _RETURN:
            raise Hung(f"the handler of exception {exception} does not return, at {self._at:#010x}")
        for register, value in saved:
            self.uc.reg_write(register, value)
        self._at = at
        self._spend(40)

    def _enter(self, exception: int) -> None:
        """Stacks eight words and goes on at the exception's vector."""
        words = [int(self.uc.reg_read(register)) for register in _STACKED]
        status = int(self.uc.reg_read(_STATUS))
        frame = (int(self.uc.reg_read(arm.UC_ARM_REG_SP)) - 32) & ~7
        self.uc.mem_write(frame, struct.pack("<8I", *words, self._at & ~1, status & 0xFFFF_FFFF))
        self.uc.reg_write(arm.UC_ARM_REG_SP, frame)
        self.uc.reg_write(arm.UC_ARM_REG_LR, _RETURN | 1)
        (self._at,) = struct.unpack("<I", self.uc.mem_read(self.core.vectors + 4 * exception, 4))

    def _go(self, count: int, until: int) -> None:
        try:
            self.uc.emu_start(self._at | 1, until, count=count)
        except unicorn.UcError as error:
            if error.errno == unicorn.UC_ERR_INSN_INVALID:
                self._undefined = True
                self._at = self._pc()
                return
            raise Hung(f"{error} at {self._pc():#010x} {self._fault}") from error
        if self._fault:
            raise Hung(f"{self._fault} at {self._pc():#010x}; sent {bytes(self.sent)!r}; {self.bus.complaints}")
        self._at = self._pc()

    def _pc(self) -> int:
        return int(self.uc.reg_read(arm.UC_ARM_REG_PC))

    def _on_exception(self, _uc: object, number: int, _data: object) -> None:
        self._fault = f"the core took exception {number}"
        self.uc.emu_stop()

    def _on_invalid(self, _uc: object, _kind: int, address: int, size: int, _value: int, _data: object) -> bool:
        self._fault = f"nothing at {address:#010x} ({size} bytes)"
        return False

    def _map(self, elf: Path) -> None:
        for region in self.target.memory:
            size_bytes = -(-region.size_bytes // _PAGE) * _PAGE
            access = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
            self.uc.mem_map(region.origin, size_bytes, access if region.kind == "flash" else unicorn.UC_PROT_ALL)
        self.uc.mem_map(_RETURN, _PAGE, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        for origin, size_bytes in self.family.windows:
            self._window(origin, size_bytes)
        self.uc.mmio_map(
            0xE000_0000, 0x10_0000,
            lambda _uc, offset, _size, _data: self.core.read(0xE000_0000 + offset), None,
            lambda _uc, offset, _size, value, _data: self.core.write(0xE000_0000 + offset, value), None,
        )  # fmt: skip
        with elf.open("rb") as file:
            for segment in ELFFile(file).iter_segments("PT_LOAD"):
                if segment["p_filesz"]:
                    self.uc.mem_write(segment["p_paddr"], segment.data())

    def _window(self, origin: int, size_bytes: int) -> None:
        self.uc.mmio_map(
            origin, size_bytes,
            lambda _uc, offset, size, _data: self.family.read(origin + offset, size), None,
            lambda _uc, offset, size, value, _data: self.family.write(origin + offset, size, value), None,
        )  # fmt: skip
