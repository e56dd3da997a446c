"""STM32F401, F405, F407, F411, F446: RM0368, RM0090, RM0383, RM0390, chapters RCC, PWR, FLASH."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.ports.families.stm32 import Stm32
from tests.ports.uarts import UsartSr

if TYPE_CHECKING:
    from tests.ports.machine import Machine

_HSI = 16e6
_AHB = {value: 1 for value in range(8)} | {8: 2, 9: 4, 10: 8, 11: 16, 12: 64, 13: 128, 14: 256, 15: 512}
_APB = {0: 1, 1: 1, 2: 1, 3: 1, 4: 2, 5: 4, 6: 8, 7: 16}


@dataclass(frozen=True)
class Part:
    """What differs: clock limits in Hz, the slowest VCO, Hz a wait state; is PLLR there, over-drive above which clock.

    voltage: (value of PWR_CR.VOS, most Hz at it), slowest first; vos_bits: where the field lies.
    """

    core: float
    apb1: float
    apb2: float
    vco_least: float
    devices: str
    vos_reset: int
    voltage: tuple[tuple[int, float], ...]
    wait_hz: float = 30e6
    has_pllr: bool = False
    over_drive_above: float = 1e12


F446 = Part(180e6, 45e6, 90e6, 100e6, "stm32f4-46.xml", 3, ((1, 120e6), (2, 144e6), (3, 180e6)), 30e6, True, 168e6)
F405 = Part(168e6, 42e6, 84e6, 192e6, "stm32f4-05_07_15_17.xml", 1, ((0, 144e6), (1, 168e6)))
F401 = Part(84e6, 42e6, 84e6, 192e6, "stm32f4-01_11.xml", 2, ((1, 60e6), (2, 84e6)))
F411 = Part(100e6, 50e6, 100e6, 100e6, "stm32f4-01_11.xml", 2, ((1, 64e6), (2, 84e6), (3, 100e6)))


class Stm32F4(Stm32):
    instance = 2
    part: Part

    def __init__(self, machine: Machine) -> None:
        self.devices = self.part.devices
        super().__init__(machine)
        bus = self.bus
        self.alike("CR", "PLLRDY", "PLLON", self._check_pll)
        bus.on_write("RCC", "PLLCFGR", self._write_pll)
        bus.on_write("RCC", "CFGR", self._switch)
        bus.on_write("PWR", "CR", self._power)
        bus.on_read("PWR", "CSR", lambda value: value | self._vos_ready())
        bus.values[bus.address("PWR", "CR")] = self.part.vos_reset << 14

    def make_uart(self) -> UsartSr:
        uart = UsartSr(self.machine, self.uart_name)
        uart.kernel_hz = lambda: self.core_hz / self._apb(2 if self.instance in (1, 6) else 1)
        return uart

    @property
    def core_hz(self) -> float:
        source = (
            _HSI if self.bus.get("RCC", "CFGR", "SWS0") + 2 * self.bus.get("RCC", "CFGR", "SWS1") == 0 else self._pll()
        )
        return source / _AHB[self.bus.get("RCC", "CFGR", "HPRE")]

    def _apb(self, number: int) -> int:
        return _APB[self.bus.get("RCC", "CFGR", f"PPRE{number}")]

    def _pll_fields(self) -> tuple[int, int, int, int]:
        value = self.bus.get("RCC", "PLLCFGR")
        return value & 63, value >> 6 & 511, 2 * ((value >> 16 & 3) + 1), value >> 24 & 15

    def _pll(self) -> float:
        m, n, p, _ = self._pll_fields()
        return _HSI / max(m, 1) * n / p

    def _write_pll(self, old: int, new: int) -> int:
        self.bus.require(not self.bus.get("RCC", "CR", "PLLON"), "PLLCFGR is written while the PLL is on")
        return new

    def _check_pll(self) -> None:
        m, n, _, q = self._pll_fields()
        value, part, require = self.bus.get("RCC", "PLLCFGR"), self.part, self.bus.require
        require(m >= 2, f"PLLM = {m}")
        require(50 <= n <= 432, f"PLLN = {n}, 50 to 432 is allowed")
        require(1e6 <= _HSI / max(m, 1) <= 2e6, f"the PLL's input is {_HSI / max(m, 1):,.0f} Hz, 1 to 2 MHz is allowed")
        vco = _HSI / max(m, 1) * n
        require(
            part.vco_least <= vco <= 432e6,
            f"the VCO runs at {vco:,.0f} Hz, {part.vco_least:,.0f} to 432 MHz is allowed",
        )
        require(self._pll() <= part.core, f"the PLL gives {self._pll():,.0f} Hz, more than {part.core:,.0f}")
        require(q >= 2, f"PLLQ = {q} is forbidden")
        require(vco / max(q, 1) <= 48e6, f"PLLQ gives the 48 MHz domain {vco / max(q, 1):,.0f} Hz")
        require(not value >> 22 & 1, "the PLL takes the crystal, which nobody started")
        if part.has_pllr:
            require(value >> 28 & 7 >= 2, f"PLLR = {value >> 28 & 7} is forbidden")
        vos = self.bus.get("PWR", "CR") >> 14 & 3
        most = dict(part.voltage).get(vos, 0.0)
        require(self._pll() <= most, f"{self._pll():,.0f} Hz at VOS = {vos}, which allows {most:,.0f}")

    def _power(self, old: int, new: int) -> int:
        self.bus.require(
            not self.bus.get("RCC", "CR", "PLLON") or (old ^ new) & 3 << 14 == 0, "VOS is changed with the PLL on"
        )
        if new & 1 << 17 and not old & 1 << 17:
            self.bus.require(bool(old & 1 << 16), "ODSWEN is set before over-drive is on")
            self.bus.require(bool(self.bus.get("PWR", "CSR") & 1 << 16), "ODSWEN is set before ODRDY is read")
        csr = self.bus.address("PWR", "CSR")
        self.bus.values[csr] = self.bus.get("PWR", "CSR") & ~(3 << 16) | new & 3 << 16
        return new

    def _vos_ready(self) -> int:
        return 1 << 14

    def _switch(self, old: int, new: int) -> int:
        source = new & 3
        self.bus.values[self.bus.address("RCC", "CFGR")] = new & ~0xC | source << 2
        if source == 2:
            self._check_speed()
        self.bus.require(source in (0, 2), f"SW = {source} takes a clock that nobody started")
        return new & ~0xC | source << 2

    def _check_speed(self) -> None:
        bus, part = self.bus, self.part
        bus.require(bool(bus.get("RCC", "CR", "PLLRDY")), "the core takes the PLL before it is ready")
        core = self.core_hz
        latency = bus.get("FLASH", "ACR") & 15
        needed = int((core - 1) // part.wait_hz)
        bus.require(latency == needed, f"{latency} wait states at {core:,.0f} Hz, {needed} are right")
        bus.require(bus.was_read_back("FLASH", "ACR"), "the wait states were not read back before the clock rose")
        bus.require(core / self._apb(1) <= part.apb1, f"APB1 runs at {core / self._apb(1):,.0f} Hz")
        bus.require(core / self._apb(2) <= part.apb2, f"APB2 runs at {core / self._apb(2):,.0f} Hz")
        if core > part.over_drive_above:
            ready = bus.get("PWR", "CSR") & 3 << 16 == 3 << 16
            bus.require(ready, f"{core:,.0f} Hz without over-drive")

    def finished(self) -> None:
        super().finished()
        acr = self.bus.get("FLASH", "ACR")
        self.bus.require(acr & 0x700 == 0x700, f"FLASH_ACR = {acr:#x}: prefetch and caches are not all on")


class Stm32F446(Stm32F4):
    part = F446


class Stm32F405(Stm32F4):
    part = F405


class Stm32F401(Stm32F4):
    part = F401


class Stm32F411(Stm32F4):
    part = F411
