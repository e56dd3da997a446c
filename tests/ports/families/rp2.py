"""RP2040 and RP2350: data sheets, chapters RESETS, CLOCKS, XOSC, PLL, GPIO, UART, and the RP2040's SSI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ports.families.family import Family
from tests.ports.uarts import Pl011

if TYPE_CHECKING:
    from tests.ports.machine import Machine

_CRYSTAL = 12e6
_ROSC = 6.5e6
_PLAIN, _XOR, _SET, _CLEAR = range(4)  # aliases of every register but those of the SSI


class Rp2(Family):
    """What both have. Attributes: uart_irq: of UART0 (data sheets, "Interrupts")."""

    windows = ((0x4000_0000, 0x1000_0000),)
    most_hz: float
    has_isolation = False

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        bus = self.bus
        self.uart = Pl011(machine, "UART0")
        self.uart.kernel_hz = self._peri_hz
        resets = bus.chip.peripherals["RESETS"]
        self._reset_bits = {name: field.mask for name, field in resets.registers["RESET"].fields.items()}
        bus.on_read("RESETS", "RESET_DONE", lambda _value: ~bus.get("RESETS", "RESET") & sum(self._reset_bits.values()))
        bus.on_read("XOSC", "STATUS", lambda _value: 1 << 31 if self._crystal_runs() else 0)
        bus.on_write("XOSC", "CTRL", self._crystal)
        bus.on_read("CLOCKS", "CLK_REF_SELECTED", lambda _value: 1 << bus.get("CLOCKS", "CLK_REF_CTRL", "SRC"))
        bus.on_read("CLOCKS", "CLK_SYS_SELECTED", lambda _value: 1 << bus.get("CLOCKS", "CLK_SYS_CTRL", "SRC"))
        bus.on_write("CLOCKS", "CLK_REF_CTRL", self._reference)
        bus.on_write("CLOCKS", "CLK_SYS_CTRL", self._system)
        bus.on_read("PLL_SYS", "CS", lambda value: value | (1 << 31 if self._locks() else 0))
        bus.on_write("PLL_SYS", "PWR", self._power)

    def read(self, address: int, size_bytes: int) -> int:
        self._out_of_reset(address & ~0x3000)
        return self.bus.read(address & ~0x3000, size_bytes)

    def write(self, address: int, size_bytes: int, value: int) -> None:
        plain = address & ~0x3000
        self._out_of_reset(plain)
        alias = address >> 12 & 3
        found = self.bus.chip.at(plain)
        if alias != _PLAIN and found:
            old = self.bus._held(plain, found[0][1])
            wrong = value & ~found[0][1].known_bits
            self.bus.require(wrong == 0, f"{found[0][0].name}.{found[0][1].name}: reserved bits {wrong:#x} by an alias")
            value = {_XOR: old ^ value, _SET: old | value, _CLEAR: old & ~value}[alias]
        self.bus.write(plain, size_bytes, value)

    def _out_of_reset(self, address: int) -> None:
        for peripheral, _ in self.bus.chip.at(address):
            bit = self._reset_bits.get(peripheral.name, 0)
            held = self.bus.get("RESETS", "RESET") & bit
            self.bus.require(not held, f"{peripheral.name} is used while it is held in reset")

    @property
    def core_hz(self) -> float:
        if self.bus.get("CLOCKS", "CLK_SYS_CTRL", "SRC") == 1:
            return self._pll() if self.bus.get("CLOCKS", "CLK_SYS_CTRL", "AUXSRC") == 0 else 1.0
        return _CRYSTAL if self.bus.get("CLOCKS", "CLK_REF_CTRL", "SRC") == 2 else _ROSC

    def _peri_hz(self) -> float:
        control = self.bus.get("CLOCKS", "CLK_PERI_CTRL")
        if not control & 1 << 11:
            return 0.0
        source = control >> 5 & 7
        return {0: self.core_hz, 1: self._pll(), 4: _CRYSTAL if self._crystal_runs() else 0.0}.get(source, 0.0)

    def _crystal_runs(self) -> bool:
        return self.bus.get("XOSC", "CTRL") == 0xFABAA0

    def _crystal(self, _old: int, new: int) -> int:
        self.bus.require(new == 0xFABAA0, f"XOSC.CTRL = {new:#x} is not 1 to 15 MHz, enabled")
        delay = 256 * (self.bus.get("XOSC", "STARTUP") & 0x3FFF) / _CRYSTAL
        self.bus.require(0.9e-3 <= delay <= 10e-3, f"the crystal is given {1e3 * delay:.2f} ms to start")
        return new

    def _reference(self, _old: int, new: int) -> int:
        self.bus.require(
            new & 3 == 2 and self._crystal_runs(), f"CLK_REF_CTRL = {new:#x}: not the crystal, or not running"
        )
        return new

    def _system(self, old: int, new: int) -> int:
        if old & 1 and (old ^ new) & 7 << 5:
            self.bus.complain("the auxiliary source is changed while the core runs from it")
        if new & 1:
            bus = self.bus
            bus.require(new >> 5 & 7 == 0, f"CLK_SYS takes auxiliary source {new >> 5 & 7}, not the PLL")
            bus.require(self._locks(), "the core takes the PLL before it is locked")
            bus.require(not bus.get("PLL_SYS", "PWR", "POSTDIVPD"), "the PLL's dividers are off")
            bus.require(self._pll() <= self.most_hz, f"the core runs at {self._pll():,.0f} Hz")
        return new

    def _vco(self) -> float:
        bus = self.bus
        return _CRYSTAL / max(bus.get("PLL_SYS", "CS", "REFDIV"), 1) * bus.get("PLL_SYS", "FBDIV_INT")

    def _pll(self) -> float:
        one, two = (self.bus.get("PLL_SYS", "PRIM", f"POSTDIV{n}") for n in (1, 2))
        return self._vco() / max(one, 1) / max(two, 1)

    def _locks(self) -> bool:
        power = self.bus.get("PLL_SYS", "PWR")
        return not power & (1 | 1 << 5) and self._crystal_runs()

    def _power(self, old: int, new: int) -> int:
        bus = self.bus
        if old & 1 << 5 and not new & 1 << 5:
            reference = _CRYSTAL / max(bus.get("PLL_SYS", "CS", "REFDIV"), 1)
            bus.require(reference >= 5e6, f"the PLL's reference is {reference:,.0f} Hz")
            bus.require(not bus.get("PLL_SYS", "CS", "BYPASS"), "the PLL is bypassed")
            bus.require(
                750e6 <= self._vco() <= 1600e6, f"the VCO runs at {self._vco():,.0f} Hz, 750 to 1600 MHz is allowed"
            )
            bus.require(16 <= bus.get("PLL_SYS", "FBDIV_INT") <= 320, "FBDIV_INT is outside 16 to 320")
            bus.require(not new & 1, "the VCO is on and the PLL is not")
        if old & 1 << 3 and not new & 1 << 3:
            one, two = (bus.get("PLL_SYS", "PRIM", f"POSTDIV{n}") for n in (1, 2))
            bus.require(1 <= two <= one <= 7, f"post-dividers {one} and {two}: the first has to be the larger one")
            bus.require(self._locks(), "the post-dividers are switched on before the PLL is locked")
        return new

    def finished(self) -> None:
        super().finished()
        bus = self.bus
        bus.require(bus.get("CLOCKS", "CLK_SYS_CTRL", "SRC") == 1, "the core does not run from the PLL")
        for pin in (0, 1):
            function = bus.get("IO_BANK0", f"GPIO{pin}_CTRL", "FUNCSEL")
            bus.require(function == 2, f"GP{pin} has function {function}, the UART is 2")
            pad = bus.get("PADS_BANK0", f"GPIO{pin}")
            bus.require(bool(pad & 1 << 6), f"the input of GP{pin} is off")
            bus.require(not pad & 1 << 7, f"the output of GP{pin} is off")
            bus.require(not (self.has_isolation and pad & 1 << 8), f"GP{pin} is isolated")
        pulls = bus.get("PADS_BANK0", "GPIO1") >> 2 & 3
        bus.require(pulls == 2, f"RX has pulls {pulls:#x}, not the pull-up alone: an open one reads as a break")


class Rp2040(Rp2):
    most_hz = 200e6  # data sheet of 2024: 133 MHz, 200 MHz with the core at 1.15 V
    uart_irq = 20


class Rp2350(Rp2):
    most_hz = 150e6
    uart_irq = 33
    has_isolation = True
