"""STM32F100 on its internal oscillator: RM0041, chapters RCC, GPIO. Its registers are those of the F103."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ports.families.stm32 import Stm32
from tests.ports.uarts import UsartSr

if TYPE_CHECKING:
    from tests.ports.machine import Machine

_HSI = 8e6
_MOST_HZ = 24e6  # all buses


class Stm32F1(Stm32):
    devices = "stm32f1-00-4_6_8_b.xml"
    instance = 1

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.alike("CR", "PLLRDY", "PLLON", self._check_pll)
        self.bus.on_write("RCC", "CFGR", self._switch)
        self.bus.on_write("GPIOA", "BSRR", self._set_and_clear)

    def _set_and_clear(self, _old: int, new: int) -> int:
        address = self.bus.address("GPIOA", "ODR")
        self.bus.values[address] = (self.bus.get("GPIOA", "ODR") | new & 0xFFFF) & ~(new >> 16)
        return 0

    def make_uart(self) -> UsartSr:
        uart = UsartSr(self.machine, self.uart_name)
        uart.kernel_hz = lambda: self.core_hz / (1 if not self.bus.get("RCC", "CFGR", "PPRE2") & 4 else 2)
        return uart

    @property
    def core_hz(self) -> float:
        source = self.bus.get("RCC", "CFGR", "SWS")
        return self._pll() if source == 2 else _HSI

    def _pll(self) -> float:
        return _HSI / 2 * (self.bus.get("RCC", "CFGR", "PLLMUL") + 2)

    def _check_pll(self) -> None:
        self.bus.require(not self.bus.get("RCC", "CFGR", "PLLSRC"), "the PLL takes the crystal, which nobody started")
        self.bus.require(
            16e6 <= self._pll() <= _MOST_HZ, f"the PLL gives {self._pll():,.0f} Hz, 16 to 24 MHz is allowed"
        )

    def _switch(self, old: int, new: int) -> int:
        on = self.bus.get("RCC", "CR", "PLLON")
        self.bus.require(not on or (old ^ new) & 0x3F << 16 == 0, "the PLL's factors are changed while it is on")
        if new & 3 == 2:
            self.bus.require(bool(self.bus.get("RCC", "CR", "PLLRDY")), "the core takes the PLL before it is ready")
        self.bus.require(new & 3 in (0, 2), f"SW = {new & 3} takes a clock that nobody started")
        self.bus.require(new & 0xF0 == 0, "AHB is divided")
        return new & ~0xC | (new & 3) << 2

    def finished(self) -> None:
        super(Stm32, self).finished()
        crh = self.bus.get("GPIOA", "CRH")
        tx, rx = crh >> 4 & 15, crh >> 8 & 15
        self.bus.require(tx & 12 == 8 and tx & 3 != 0, f"PA9 is {tx:#x}, not an alternate push-pull output")
        self.bus.require(rx == 8, f"PA10 is {rx:#x}, not an input with a pull")
        self.bus.require(
            bool(self.bus.get("GPIOA", "ODR") & 1 << 10), "RX has no pull-up: an open one reads as noise or a break"
        )
        others = crh ^ 0x44444444
        self.bus.require(others & ~0xFF0 == 0, f"other pins of GPIOA were changed: CRH = {crh:#x}")
