"""The registers every Cortex-M has beside its core: counters, exceptions, interrupts (Armv7-M ARM B3 and C1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.ports.machine import Machine

SYSTICK = 15
_LAR_KEY = 0xC5ACCE55
_TRCENA = 1 << 24
# registers that hold what is written: SCB, MPU, caches
_PLAIN = {
    0xE000ED08, 0xE000ED0C, 0xE000ED14, 0xE000ED18, 0xE000ED1C, 0xE000ED20, 0xE000ED24, 0xE000ED28, 0xE000ED2C,
    0xE000ED34, 0xE000ED38, 0xE000ED80, 0xE000ED84, 0xE000ED88, 0xE000ED90, 0xE000ED94, 0xE000ED98, 0xE000ED9C,
    0xE000EDA0, 0xE000EF50, 0xE000EF60, 0xE000EF34,
}  # fmt: skip


class CoreRegisters:
    """Attributes: enabled: interrupt numbers that the controller lets through."""

    def __init__(self, machine: Machine, has_cycle_counter: bool, has_lock: bool) -> None:
        self.machine = machine
        self.values: dict[int, int] = {0xE000ED80: (3 << 3 | 127 << 13), 0xE000ED90: 8 << 8}
        self.enabled: set[int] = set()
        self.complain: Callable[[str], None] = machine.bus.complain
        self._has_cycle_counter = has_cycle_counter
        self._locked = has_lock
        self.stands_still = False
        self._cycle_start = 0.0
        self._reads = 0
        self._systick_start = 0.0

    @property
    def vectors(self) -> int:
        return self.values.get(0xE000ED08, self.machine.vectors_at_reset)

    @property
    def counts_cycles(self) -> bool:
        return bool(
            self._has_cycle_counter
            and not self.stands_still
            and self._traced
            and not self._locked
            and self.values.get(0xE0001000, 0) & 1
        )

    def read(self, address: int) -> int:
        if address == 0xE0001004:
            return self._cycles() if self.counts_cycles else self.values.get(address, 0)
        if address == 0xE000E018:
            return self._systick_count()
        if not self._is_known(address):
            self.complain(f"no core register at {address:#010x}, read")
        return self.values.get(address, 0)

    def write(self, address: int, value: int) -> None:
        if not self._is_known(address):
            self.complain(f"no core register at {address:#010x}, written")
        if 0xE000E100 <= address < 0xE000E140:
            self.enabled |= {32 * ((address - 0xE000E100) // 4) + bit for bit in range(32) if value >> bit & 1}
        elif 0xE000E180 <= address < 0xE000E1C0:
            self.enabled -= {32 * ((address - 0xE000E180) // 4) + bit for bit in range(32) if value >> bit & 1}
        elif 0xE0001000 <= address < 0xE0002000:
            self._write_trace(address, value)
        elif address == 0xE000E018:
            self._systick_start = self.machine.seconds
        else:
            self.values[address] = value
            if address == 0xE000ED0C:
                self.machine.reset(value)
            if address == 0xE000E010:
                self._systick_start = self.machine.seconds
            if address == 0xE000ED08 and value & 0x7F:
                self.complain(f"VTOR = {value:#x} is not aligned")

    @property
    def _traced(self) -> bool:
        return bool(self.values.get(0xE000EDFC, 0) & _TRCENA)

    def _write_trace(self, address: int, value: int) -> None:
        if not self._traced:
            self.complain(f"the trace register {address:#010x} is written before DEMCR.TRCENA: it may be ignored")
            return
        if address == 0xE0001FB0:
            self._locked = self._locked and value != _LAR_KEY
        elif self._locked:
            self.complain(f"the trace register {address:#010x} is written while DWT_LAR locks it")
        else:
            self.values[address] = value
            if address == 0xE0001004:
                self._cycle_start, self._reads = self.machine.cycles, 0

    def _cycles(self) -> int:
        self.machine.polled()
        self._reads += 1  # a slice's instructions are counted only when it ends; time never stands still
        return int(self.machine.cycles - self._cycle_start + 4 * self._reads) & 0xFFFF_FFFF

    def _systick_count(self) -> int:
        if not self.values.get(0xE000E010, 0) & 1:
            return 0
        self.machine.polled()
        period = self.values.get(0xE000E014, 0) + 1
        elapsed = int((self.machine.seconds - self._systick_start) * self.machine.core_hz)
        return (period - elapsed) % period

    def systick_due(self) -> float | None:
        """Seconds of the next SysTick exception, where it is on."""
        if self.values.get(0xE000E010, 0) & 3 != 3:
            return None
        return self._systick_start + (self.values.get(0xE000E014, 0) + 1) / self.machine.core_hz

    def systick_taken(self) -> None:
        self._systick_start = self.systick_due() or 0.0

    def _is_known(self, address: int) -> bool:
        return (
            address in _PLAIN
            or 0xE000E100 <= address < 0xE000E4F0
            or address in (0xE000E010, 0xE000E014, 0xE000E018, 0xE000EDFC)
            or (self._has_cycle_counter and address in (0xE0001000, 0xE0001004, 0xE0001FB0))
        )
