"""STM32H743: RM0433, chapters RCC, PWR, FLASH, SYSCFG; revisions Y and V: ES0392 and the LL driver's limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ports.families.stm32 import Stm32
from tests.ports.uarts import UsartIsr

if TYPE_CHECKING:
    from tests.ports.machine import Machine

_HSI = 64e6
_HPRE = {value: 1 for value in range(8)} | {8: 2, 9: 4, 10: 8, 11: 16, 12: 64, 13: 128, 14: 256, 15: 512}
_PPRE = {0: 1, 1: 1, 2: 1, 3: 1, 4: 2, 5: 4, 6: 8, 7: 16}
_IDCODE = 0x5C00_1000
_AXI_FIX = 0x5100_8108  # AXI_TARG7_FN_MOD: READ_ISS_OVERRIDE
REVISION_Y, REVISION_V = 0x1003, 0x2003


class Stm32H7(Stm32):
    """Revision V. Attributes: revision; most_hz, most_vco: what it allows."""

    devices = "stm32h7-42_43_50_53.xml"
    instance = 3
    has_dwt_lock = True
    revision = REVISION_V
    most_hz = 480e6
    most_vco = 960e6

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        bus = self.bus
        bus.extra |= {_IDCODE: "DBGMCU_IDCODE", _AXI_FIX: "AXI_TARG7_FN_MOD"}
        bus.values[_IDCODE] = self.revision << 16 | 0x450
        self.alike("CR", "PLL1RDY", "PLL1ON", self._check_pll)
        for register in ("PLLCKSELR", "PLLCFGR", "PLL1DIVR"):
            bus.on_write("RCC", register, self._write_pll)
        bus.on_write("RCC", "CFGR", self._switch)
        bus.on_write("PWR", "D3CR", self._voltage)
        bus.on_write("PWR", "CR3", self._supply)
        bus.values[bus.address("PWR", "CSR1")] = 0x4000
        self._supplied = False

    def make_uart(self) -> UsartIsr:
        uart = UsartIsr(self.machine, self.uart_name, 16)
        uart.kernel_hz = self._kernel_hz
        return uart

    def _kernel_hz(self) -> float:
        choice = self.bus.get("RCC", "D2CCIP2R", "USART234578SRC")
        if choice == 0:
            return self.core_hz / self._hpre() / _PPRE[self.bus.get("RCC", "D2CFGR", "D2PPRE1")]
        return _HSI if choice == 3 else 0.0

    def _hpre(self) -> int:
        return _HPRE[self.bus.get("RCC", "D1CFGR", "HPRE")]

    @property
    def core_hz(self) -> float:
        source = self._pll() if self.bus.get("RCC", "CFGR", "SWS") == 3 else _HSI
        return source / _HPRE[self.bus.get("RCC", "D1CFGR", "D1CPRE")]

    def _vco(self) -> float:
        bus = self.bus
        m = bus.get("RCC", "PLLCKSELR", "DIVM1")
        return _HSI / max(m, 1) * (bus.get("RCC", "PLL1DIVR", "DIVN1") + 1)

    def _pll(self) -> float:
        return self._vco() / (self.bus.get("RCC", "PLL1DIVR", "DIVP1") + 1)

    def _check_pll(self) -> None:
        bus, require = self.bus, self.bus.require
        m = bus.get("RCC", "PLLCKSELR", "DIVM1")
        require(bus.get("RCC", "PLLCKSELR", "PLLSRC") == 0, "the PLL's source is not the HSI")
        require(m > 0, "PLL1 is on with DIVM1 = 0")
        reference = _HSI / max(m, 1)
        wanted = 3 if reference >= 8e6 else 2 if reference >= 4e6 else 1 if reference >= 2e6 else 0
        require(bus.get("RCC", "PLLCFGR", "PLL1RGE") == wanted, f"PLL1RGE does not fit an input of {reference:,.0f} Hz")
        require(2e6 <= reference <= 16e6, f"the PLL's input is {reference:,.0f} Hz")
        require(bus.get("RCC", "PLLCFGR", "PLL1VCOSEL") == 0, "the narrow VCO stops at 420 MHz")
        require(
            192e6 <= self._vco() <= self.most_vco,
            f"the VCO runs at {self._vco():,.0f} Hz, this revision allows {self.most_vco:,.0f}",
        )
        require(bool(bus.get("RCC", "PLLCFGR", "DIVP1EN")), "the PLL's output P is not enabled")
        p = bus.get("RCC", "PLL1DIVR", "DIVP1") + 1
        require(p % 2 == 0 or (self.revision == REVISION_V and p == 1), f"P = {p} is not allowed")
        require(
            self._pll() <= self.most_hz,
            f"the PLL gives {self._pll():,.0f} Hz, this revision allows {self.most_hz:,.0f}",
        )
        require(self._vco() / (bus.get("RCC", "PLL1DIVR", "DIVQ1") + 1) <= self.most_hz, "output Q is too fast")
        require(self._vco() / (bus.get("RCC", "PLL1DIVR", "DIVR1") + 1) <= self.most_hz, "output R is too fast")

    def _write_pll(self, _old: int, new: int) -> int:
        self.bus.require(not self.bus.get("RCC", "CR", "PLL1ON"), "the PLL's registers are written while it is on")
        return new

    def _supply(self, _old: int, new: int) -> int:
        self.bus.require(not self._supplied, "PWR_CR3 is written twice: only the first time counts")
        self.bus.require(new & 7 == 2, f"PWR_CR3 = {new:#x}: this board's supply is the LDO alone")
        self._supplied = True
        self.bus.become_ready("PWR", "CSR1", "ACTVOSRDY")
        return new

    def _voltage(self, _old: int, new: int) -> int:
        ready = self.bus.get("PWR", "CSR1", "ACTVOSRDY")
        self.bus.require(self._supplied and bool(ready), "VOS is written before the supply is chosen and ready")
        self.bus.put("PWR", "CSR1", "ACTVOS", new >> 14 & 3)
        self.bus.become_ready("PWR", "D3CR", "VOSRDY")
        return new & ~(1 << 13)

    def _boosted(self) -> bool:
        on = bool(self.bus.get("SYSCFG", "PWRCR") & 1)
        if on:
            self.bus.require(self.revision == REVISION_V, "revision Y has no VOS0")
            self.bus.require(self.bus.get("PWR", "D3CR", "VOS") == 3, "ODEN without VOS1")
        return on

    def _switch(self, _old: int, new: int) -> int:
        source = new & 7
        self.bus.values[self.bus.address("RCC", "CFGR")] = new & ~0x38 | source << 3
        self.bus.require(source in (0, 3), f"SW = {source} takes a clock that nobody started")
        if source == 3:
            self._check_speed()
        return new & ~0x38 | source << 3

    def _check_speed(self) -> None:
        bus, core = self.bus, self.core_hz
        axi = core / self._hpre()
        boosted = self._boosted()
        bus.require(bool(bus.get("RCC", "CR", "PLL1RDY")), "the core takes the PLL before it is ready")
        bus.require(bus.get("PWR", "D3CR", "VOS") == 3, "above 300 MHz outside of VOS1")
        bus.require(bool(bus.get("PWR", "D3CR", "VOSRDY")), "the core's clock rises before its voltage has")
        bus.require(core <= 400e6 or boosted, f"{core:,.0f} Hz without VOS0")
        bus.require(axi <= (240e6 if boosted else 200e6), f"the AXI bus runs at {axi:,.0f} Hz")
        for name, register, field in (
            ("APB3", "D1CFGR", "D1PPRE"), ("APB1", "D2CFGR", "D2PPRE1"), ("APB2", "D2CFGR", "D2PPRE2"),
            ("APB4", "D3CFGR", "D3PPRE"),
        ):  # fmt: skip
            rate = axi / _PPRE[bus.get("RCC", register, field)]
            bus.require(rate <= (120e6 if boosted else 100e6), f"{name} runs at {rate:,.0f} Hz")
        # RM0433, table 17: VOS1 70 MHz a wait state, the third up to 225; VOS0 likewise, the fourth up to 240
        needed, frequency = (0 if axi <= 70e6 else 1 if axi <= 140e6 else 2 if axi <= 210e6 or not boosted else 4, 2)
        if boosted and axi > 225e6:
            needed = 4
        elif boosted and axi > 210e6:
            needed = 3
        acr = bus.get("FLASH", "ACR")
        bus.require(acr & 15 == needed, f"{acr & 15} wait states at {axi:,.0f} Hz, {needed} are right")
        bus.require(acr >> 4 & 3 == frequency, f"WRHIGHFREQ = {acr >> 4 & 3} at {axi:,.0f} Hz, {frequency} is right")
        bus.require(bus.was_read_back("FLASH", "ACR"), "the wait states were not read back before the clock rose")

    def finished(self) -> None:
        wanted = self.machine.target.cpu.clock_hz
        if self.revision == REVISION_Y:
            self.bus.require(self.bus.values.get(_AXI_FIX) == 1, "revision Y without the fix of its AXI SRAM (ES0392)")
            wanted = min(wanted, int(self.most_hz))
        self._finished_at(wanted)
        ccr = self.machine.core.values.get(0xE000ED14, 0)
        self.bus.require(ccr >> 16 & 3 == 3, "the caches are not both on")

    def _finished_at(self, wanted_hz: int) -> None:
        if self.machine.target.cpu.clock_hz != wanted_hz:
            self.bus.require(self.core_hz == wanted_hz, f"the core runs at {self.core_hz:,.0f} Hz, not {wanted_hz:,}")
            self.check_uart_and_counter()
            self.check_pins()
        else:
            super().finished()


class Stm32H7RevisionY(Stm32H7):
    revision = REVISION_Y
    most_hz = 400e6
    most_vco = 836e6
