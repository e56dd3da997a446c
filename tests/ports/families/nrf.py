"""nRF51822 (nRF51 Series Reference Manual v3.0), nRF52833 and nRF52840 (Product Specifications)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ports.families.family import Family
from tests.ports.pins import interrupt
from tests.ports.uarts import NrfUart

if TYPE_CHECKING:
    from tests.ports.machine import Machine

_TXD, _RXD = ("PSELTXD", "PSEL_TXD"), ("PSELRXD", "PSEL_RXD")


class Nrf(Family):
    """What both have: the crystal, the UART, the pins of a port."""

    windows = ((0x1000_0000, 0x2000), (0x4000_0000, 0x2000_0000))
    devices: str
    ports: tuple[str, ...]
    hz: float

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        defines = machine.target.firmware.defines if machine.target.firmware else {}
        self.tx_pin, self.rx_pin = int(defines["BOARD_TX_PIN"]), int(defines["BOARD_RX_PIN"])
        self.uart = NrfUart(machine, "UART0")
        self.uart_irq = interrupt(self.devices, "UART0", "UART0_UARTE0", "UARTE0_UART0")
        self._crystal = False
        self.bus.on_write("CLOCK", "TASKS_HFCLKSTART", self._start_crystal)
        self.bus.on_read("CLOCK", "EVENTS_HFCLKSTARTED", lambda _value: int(self._crystal))
        self.bus.on_write("UART0", "ENABLE", self._enable)

    @property
    def core_hz(self) -> float:
        return self.hz

    def _start_crystal(self, _old: int, new: int) -> int:
        self.bus.require(new == 1, f"a task is triggered by {new}, not 1")
        self._crystal = new == 1
        return 0

    def _select(self, names: tuple[str, str]) -> int:
        name = next(name for name in names if self.bus.has("UART0", name))
        return self.bus.get("UART0", name)

    def _enable(self, _old: int, new: int) -> int:
        self.bus.require(new in (0, 4), f"UART0.ENABLE = {new}")
        if new == 4:
            self.bus.require(self._select(_TXD) == self.tx_pin, f"TX is on pin {self._select(_TXD)}, not {self.tx_pin}")
            self.bus.require(self._select(_RXD) == self.rx_pin, f"RX is on pin {self._select(_RXD)}, not {self.rx_pin}")
            self.bus.require(self._drives(self.tx_pin), "the UART is switched on before TX drives its pin high")
            self.bus.require(self._crystal, "the UART is switched on before the crystal runs")
        return new

    def _cnf(self, pin: int) -> int:
        return self.bus.get(self.ports[pin // 32], f"PIN_CNF{pin % 32}")

    def _drives(self, pin: int) -> bool:
        port = self.ports[pin // 32]
        is_output = self._cnf(pin) & 1 or self.bus.get(port, "DIRSET") >> pin % 32 & 1
        return bool(is_output and self.bus.get(port, "OUTSET") >> pin % 32 & 1)

    def finished(self) -> None:
        super().finished()
        rx = self._cnf(self.rx_pin)
        self.bus.require(rx & 3 == 0, f"RX is no connected input: PIN_CNF = {rx:#x}")
        self.bus.require(rx >> 2 & 3 == 3, "RX has no pull-up: an open one reads as noise or a break")


class Nrf51(Nrf):
    devices = "nrf51422_801_802_822_824.xml"
    ports = ("GPIO",)
    hz = 16e6

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self._timer_on = False
        self._captured = 0
        bus = self.bus
        bus.on_write("TIMER0", "TASKS_START", self._start_timer)
        bus.on_write("TIMER0", "TASKS_CAPTURE0", self._capture)
        bus.on_read("TIMER0", "CC0", lambda _value: self._captured)

    def _start_timer(self, _old: int, new: int) -> int:
        self.bus.require(self.bus.get("TIMER0", "BITMODE") == 3, "TIMER0 is not 32 bits wide")
        self.bus.require(self.bus.get("TIMER0", "PRESCALER") == 0, "TIMER0 does not run at 16 MHz")
        self._timer_on = new == 1
        return 0

    def _capture(self, _old: int, new: int) -> int:
        self.bus.require(self._timer_on and new == 1, "TIMER0 is captured and does not run")
        self.machine.polled()
        # a loop of two instructions takes four cycles on the chip; the count of instructions knows nothing of it
        self._captured = max(self._captured + 4, int(self.machine.seconds * 16e6) + 4000 * (self._captured > 0))
        return 0

    def finished(self) -> None:
        super().finished()
        self.bus.require(self._timer_on, "the timer does not run")


class Nrf52(Nrf):
    devices = "nrf52820_840.xml"
    ports = ("P0", "P1")
    hz = 64e6
    _DISABLE, _UICR = 0x4000_0558, 0x1000_1208

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.bus.extra |= {self._DISABLE: "APPROTECT.DISABLE", self._UICR: "UICR.APPROTECT"}
        self.bus.values[self._UICR] = 0xFFFF_FF5A  # HwDisabled, as a debugger leaves an open chip

    def finished(self) -> None:
        super().finished()
        disable = self.bus.values.get(self._DISABLE, 0)
        self.bus.require(
            disable == self.bus.values[self._UICR],
            "APPROTECT.DISABLE is not UICR's: newer silicon locks its debug port",
        )
        self.bus.require(self.bus.get("NVMC", "ICACHECNF") & 1 == 1, "the instruction cache is not on")


class Nrf52833(Nrf52):
    devices = "nrf52832_833.xml"
