"""STM32L4+ (RM0432) and STM32L476 (RM0351), chapters RCC, PWR, FLASH, LPUART."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ports.families.stm32 import Stm32
from tests.ports.uarts import UsartIsr

if TYPE_CHECKING:
    from tests.ports.machine import Machine

_HSI = 16e6
_MSI = 4e6  # after reset


class Stm32L4(Stm32):
    """The L4R5: up to 120 MHz with the main regulator's boost; 20 MHz a wait state."""

    devices = "stm32l4-r5_r7_r9.xml"
    driver = "lpuart"
    instance = 1
    most_hz = 120e6
    wait_hz = 20e6
    has_boost = True
    fifo_bytes = 8

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.alike("CR", "HSIRDY", "HSION")
        self.alike("CR", "PLLRDY", "PLLON", self._check_pll)
        self.bus.on_write("RCC", "PLLCFGR", self._write_pll)
        self.bus.on_write("RCC", "CFGR", self._switch)
        self.bus.on_write("PWR", "CR1", self._voltage)
        self.bus.on_read("PWR", "SR2", self._voltage_status)
        self._changing = 0

    def make_uart(self) -> UsartIsr:
        uart = UsartIsr(self.machine, self.uart_name, self.fifo_bytes, self.driver == "lpuart")
        uart.kernel_hz = self._kernel_hz
        return uart

    def _kernel_hz(self) -> float:
        choice = self.bus.get("RCC", "CCIPR", f"{self.uart_name}SEL")
        if choice == 2:
            self.bus.require(bool(self.bus.get("RCC", "CR", "HSIRDY")), "the UART's clock is the HSI, which is off")
            return _HSI
        return {0: self.core_hz, 1: self.core_hz}.get(choice, 0.0)

    @property
    def core_hz(self) -> float:
        bus = self.bus
        source = {0: _MSI, 1: _HSI, 3: self._pll()}.get(bus.get("RCC", "CFGR", "SWS"), _MSI)
        prescaler = bus.get("RCC", "CFGR", "HPRE")
        return source / (1 if prescaler < 8 else 2 << (prescaler - 8))

    def _pll(self) -> float:
        value = self.bus.get("RCC", "PLLCFGR")
        source = {1: _MSI, 2: _HSI}.get(value & 3, 0.0)
        m, n, r = (value >> 4 & 15) + 1, value >> 8 & 127, 2 * ((value >> 25 & 3) + 1)
        return source / m * n / r

    def _check_pll(self) -> None:
        value, require = self.bus.get("RCC", "PLLCFGR"), self.bus.require
        r = 2 * ((value >> 25 & 3) + 1)
        m = (value >> 4 & 15) + 1
        source = {1: _MSI, 2: _HSI}.get(value & 3)
        require(source is not None, f"the PLL's source is {value & 3}")
        require(value & 3 != 2 or bool(self.bus.get("RCC", "CR", "HSIRDY")), "the PLL takes the HSI before it is ready")
        require(4e6 <= (source or 0) / m <= 16e6, f"the PLL's input is {(source or 0) / m:,.0f} Hz")
        require(
            64e6 <= self._pll() * r <= 344e6, f"the VCO runs at {self._pll() * r:,.0f} Hz, 64 to 344 MHz is allowed"
        )
        require(value >> 8 & 127 >= 8, f"PLLN = {value >> 8 & 127}")
        require(bool(value & 1 << 24), "the PLL's output R is not enabled")
        require(not value & (1 << 16 | 1 << 20), "outputs P or Q are enabled")

    def _write_pll(self, _old: int, new: int) -> int:
        self.bus.require(not self.bus.get("RCC", "CR", "PLLON"), "PLLCFGR is written while the PLL is on")
        return new

    def _voltage(self, _old: int, new: int) -> int:
        self.bus.require(new >> 9 & 3 in (1, 2), f"VOS = {new >> 9 & 3} is forbidden")
        self._changing = 3
        return new

    def _voltage_status(self, value: int) -> int:
        """VOSF stays set for a few looks."""
        self._changing = max(0, self._changing - 1)
        return value | (1 << 10 if self._changing else 0)

    def _switch(self, old: int, new: int) -> int:
        source = new & 3
        value = new & ~0xC | source << 2
        self.bus.values[self.bus.address("RCC", "CFGR")] = value
        self.bus.require(source in (0, 1, 3), f"SW = {source} takes a clock that nobody started")
        if source == 3:
            self._check_speed(old)
        return value

    def _check_speed(self, old: int) -> None:
        bus, core = self.bus, self.core_hz
        bus.require(bool(bus.get("RCC", "CR", "PLLRDY")), "the core takes the PLL before it is ready")
        bus.require(core <= self.most_hz, f"the core runs at {core:,.0f} Hz")
        bus.require(bus.get("PWR", "CR1", "VOS") == 1, "the core runs from the PLL outside of range 1")
        bus.require(self._changing == 0, "the core's clock rises before its voltage has")
        needed = int((self._pll() - 1) // self.wait_hz)
        latency = bus.get("FLASH", "ACR", "LATENCY")
        bus.require(latency == needed, f"{latency} wait states for {self._pll():,.0f} Hz, {needed} are right")
        bus.require(bus.was_read_back("FLASH", "ACR"), "the wait states were not read back before the clock rose")
        if self.has_boost and self._pll() > 80e6:
            bus.require(not bus.get("PWR", "CR5", "R1MODE"), "above 80 MHz without boost")
            switches = old & 0xC != 0xC
            bus.require(not switches or core <= self._pll() / 2, "the step above 80 MHz is not taken in two")
        bus.require(not bus.get("RCC", "CFGR", "PPRE1") and not bus.get("RCC", "CFGR", "PPRE2"), "a bus is divided")

    def read(self, address: int, size_bytes: int) -> int:
        self._port_g(address)
        return super().read(address, size_bytes)

    def write(self, address: int, size_bytes: int, value: int) -> None:
        self._port_g(address)
        super().write(address, size_bytes, value)

    def _port_g(self, address: int) -> None:
        if 0x4800_1800 <= address < 0x4800_1C00:
            self.bus.require(bool(self.bus.get("PWR", "CR2", "IOSV")), "port G is used before its supply is on (IOSV)")

    def finished(self) -> None:
        super().finished()
        acr = self.bus.get("FLASH", "ACR")
        self.bus.require(acr & 0x700 == 0x700, f"FLASH_ACR = {acr:#x}: prefetch and caches are not all on")


class Stm32L476(Stm32L4):
    """Up to 80 MHz, 16 MHz a wait state; its USARTs hold one byte."""

    devices = "stm32l4-76_86.xml"
    driver = "usart"
    instance = 2
    most_hz = 80e6
    wait_hz = 16e6
    has_boost = False
    fifo_bytes = 1
