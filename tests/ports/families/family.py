"""What a strict bus knows of one family of chips beside its registers: clocks, pins, the console's UART."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ports.uarts import Uart

if TYPE_CHECKING:
    from tests.ports.machine import Machine

BAUD_TOLERANCE = 0.005  # of the clock divider alone; a UART with 8 samples a bit stands about 3 % of both ends together


class Family:
    """One chip behind the bus; a subclass adds hooks in its constructor and answers `finished`.

    Attributes:
        windows: (origin, bytes) of the addresses that peripherals occupy.
        uart: of the console; uart_irq: its number at the interrupt controller.
    """

    windows: tuple[tuple[int, int], ...] = ((0x4000_0000, 0x2000_0000),)
    has_dwt_lock = False
    uart: Uart
    uart_irq: int

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.bus = machine.bus

    @property
    def core_hz(self) -> float:
        """The core's clock as the registers ask for it now."""
        raise NotImplementedError

    def read(self, address: int, size_bytes: int) -> int:
        return self.bus.read(address, size_bytes)

    def write(self, address: int, size_bytes: int, value: int) -> None:
        self.bus.write(address, size_bytes, value)

    def finished(self) -> None:
        """Complains of what a board that has started should have set and has not."""
        wanted = self.machine.target.cpu.clock_hz
        self.bus.require(
            abs(self.core_hz - wanted) < 1000, f"the core runs at {self.core_hz:,.0f} Hz, the target states {wanted:,}"
        )
        self.check_uart_and_counter()

    def check_uart_and_counter(self) -> None:
        baud = self.uart.baud()
        asked = self.machine.target.baud
        self.bus.require(abs(baud / asked - 1) < BAUD_TOLERANCE, f"the UART runs at {baud:,.0f} baud, not {asked:,}")
        deepest, uart = self.uart.deepest, self.uart
        self.bus.require(uart.depth == deepest, f"the UART holds {uart.depth} bytes, its chip's could hold {deepest}")
        core = self.machine.core
        if self.machine.target.cpu.core not in ("cortex-m0", "cortex-m0plus"):
            self.bus.require(core.counts_cycles, "the cycle counter does not count")
