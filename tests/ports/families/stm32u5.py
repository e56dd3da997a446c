"""STM32U575 with TZEN = 0: RM0456, chapters RCC, PWR, FLASH, ICACHE, USART."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ports.families.stm32 import Stm32
from tests.ports.uarts import UsartIsr

if TYPE_CHECKING:
    from tests.ports.machine import Machine

_HSI = 16e6
_MSIS = 4e6
_ICACHE_CR, _ICACHE_SR = 0x4003_0400, 0x4003_0404


class Stm32U5(Stm32):
    devices = "stm32u5-75_85.xml"
    instance = 1

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        bus = self.bus
        bus.extra |= {_ICACHE_CR: "ICACHE_CR", _ICACHE_SR: "ICACHE_SR"}
        bus.values[_ICACHE_CR] = 4
        self.alike("CR", "HSIRDY", "HSION")
        self.alike("CR", "PLL1RDY", "PLL1ON", self._check_pll)
        for register in ("PLL1CFGR", "PLL1DIVR"):
            bus.on_write("RCC", register, self._write_pll)
        bus.on_write("RCC", "CFGR1", self._switch)
        bus.on_write("RCC", "CFGR2", self._divide)
        bus.on_write("PWR", "VOSR", self._voltage)

    def make_uart(self) -> UsartIsr:
        uart = UsartIsr(self.machine, self.uart_name, 8)
        uart.kernel_hz = self._kernel_hz
        return uart

    def _kernel_hz(self) -> float:
        choice = self.bus.get("RCC", "CCIPR1", "USART1SEL")
        if choice == 2:
            self.bus.require(bool(self.bus.get("RCC", "CR", "HSIRDY")), "the UART's clock is the HSI, which is off")
            return _HSI
        return self.core_hz if choice < 2 else 0.0

    @property
    def core_hz(self) -> float:
        source = {0: _MSIS, 1: _HSI, 3: self._pll()}.get(self.bus.get("RCC", "CFGR1", "SWS"), _MSIS)
        prescaler = self.bus.get("RCC", "CFGR2", "HPRE")
        return source / (1 if prescaler < 8 else 2 << (prescaler - 8))

    def _reference(self) -> float:
        source = {1: _MSIS, 2: _HSI}.get(self.bus.get("RCC", "PLL1CFGR", "PLL1SRC"), 0.0)
        return source / (self.bus.get("RCC", "PLL1CFGR", "PLL1M") + 1)

    def _vco(self) -> float:
        return self._reference() * (self.bus.get("RCC", "PLL1DIVR", "PLL1N") + 1)

    def _pll(self) -> float:
        return self._vco() / (self.bus.get("RCC", "PLL1DIVR", "PLL1R") + 1)

    def _check_pll(self) -> None:
        bus, require = self.bus, self.bus.require
        require(bool(bus.get("RCC", "CR", "HSIRDY")), "the PLL takes the HSI before it is ready")
        reference = self._reference()
        require(4e6 <= reference <= 16e6, f"the PLL's input is {reference:,.0f} Hz")
        wanted = 3 if reference > 8e6 else 0
        require(
            bus.get("RCC", "PLL1CFGR", "PLL1RGE") == wanted, f"PLL1RGE does not fit an input of {reference:,.0f} Hz"
        )
        require(128e6 <= self._vco() <= 544e6, f"the VCO runs at {self._vco():,.0f} Hz, 128 to 544 MHz is allowed")
        require(bool(bus.get("RCC", "PLL1CFGR", "PLL1REN")), "the PLL's output R is not enabled")
        r = bus.get("RCC", "PLL1DIVR", "PLL1R") + 1
        require(r == 1 or r % 2 == 0, f"R = {r} is forbidden")
        require(self._vco() / (bus.get("RCC", "PLL1DIVR", "PLL1P") + 1) <= 208e6, "output P is too fast")
        require(self._vco() / (bus.get("RCC", "PLL1DIVR", "PLL1Q") + 1) <= 200e6, "output Q is too fast")
        require(self._pll() <= 160e6, f"the PLL gives {self._pll():,.0f} Hz")

    def _write_pll(self, _old: int, new: int) -> int:
        self.bus.require(not self.bus.get("RCC", "CR", "PLL1ON"), "the PLL's registers are written while it is on")
        return new

    def _voltage(self, old: int, new: int) -> int:
        if new & 1 << 18 and not old & 1 << 18:
            source = self.bus.get("RCC", "PLL1CFGR", "PLL1SRC")
            booster = self._reference() and 16e6 / (2 * max(self.bus.get("RCC", "PLL1CFGR", "PLL1MBOOST"), 0) or 1)
            self.bus.require(source != 0, "the booster is switched on before the PLL's source is chosen")
            self.bus.require(
                4e6 <= booster <= 16e6, f"the booster's clock is {booster:,.0f} Hz, 4 to 16 MHz is allowed"
            )
            self.bus.require(bool(self.bus.get("RCC", "CR", "HSIRDY")), "the booster's clock is off")
        if (old ^ new) & 3 << 16:
            self.bus.become_ready("PWR", "VOSR", "VOSRDY")
            return new & ~(3 << 14)
        if new & 1 << 18:
            self.bus.require(bool(old & 1 << 15), "the booster is switched on before the voltage has settled")
            self.bus.become_ready("PWR", "VOSR", "BOOSTRDY")
        return new & ~(3 << 14) | old & 1 << 15

    def _switch(self, _old: int, new: int) -> int:
        source = new & 3
        entering = self.bus.get("RCC", "CFGR1", "SWS") != 3
        self.bus.values[self.bus.address("RCC", "CFGR1")] = new & ~0xC | source << 2
        self.bus.require(source in (0, 1, 3), f"SW = {source} takes a clock that nobody started")
        if source == 3:
            bus = self.bus
            bus.require(bool(bus.get("RCC", "CR", "PLL1RDY")), "the core takes the PLL before it is ready")
            bus.require(not entering or self.core_hz <= 80e6, "the step above 80 MHz is not taken in two")
            self._check_speed()
        return new & ~0xC | source << 2

    def _divide(self, _old: int, new: int) -> int:
        self.bus.values[self.bus.address("RCC", "CFGR2")] = new
        if self.bus.get("RCC", "CFGR1", "SWS") == 3:
            self._check_speed()
        return new

    def _check_speed(self) -> None:
        bus = self.bus
        bus.require(bus.get("PWR", "VOSR", "VOS") == 3, "the core runs from the PLL outside of range 1")
        bus.require(self._pll() <= 55e6 or bool(bus.get("PWR", "VOSR", "BOOSTRDY")), "above 55 MHz without the booster")
        needed = int((self._pll() - 1) // 32e6)
        latency = bus.get("FLASH", "ACR", "LATENCY")
        bus.require(latency == needed, f"{latency} wait states for {self._pll():,.0f} Hz, {needed} are right")
        bus.require(bus.was_read_back("FLASH", "ACR"), "the wait states were not read back before the clock rose")

    def finished(self) -> None:
        super().finished()
        self.bus.require(bool(self.bus.get("FLASH", "ACR", "PRFTEN")), "prefetch is not on")
        self.bus.require(bool(self.bus.values[_ICACHE_CR] & 1), "the instruction cache is not on")
        self.bus.require(self.bus.values[_ICACHE_CR] & 4 == 4, "the instruction cache is not in its two ways")
