"""What all STM32 share: a clock for every peripheral, pins with alternate functions (RM0090, chapters RCC and GPIO)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.ports.families.family import Family
from tests.ports.pins import alternate_function, interrupt
from tests.ports.uarts import UsartIsr, UsartSr

if TYPE_CHECKING:
    from tests.ports.machine import Machine

_ENABLE = re.compile(r"^(AHB\dENR\d?|APB\d?L?H?ENR\d?|IOPENR)$")
# no clock of their own to switch on, or one that nothing may switch off
_ALWAYS_ON = ("RCC", "FLASH", "DBGMCU", "IWDG")


class Stm32(Family):
    """Attributes: devices: modm-devices' file; driver, instance: which UART the console uses."""

    devices: str
    driver = "usart"
    instance: int

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        defines = machine.target.firmware.defines if machine.target.firmware else {}
        self.tx_pin, self.rx_pin = int(defines.get("BOARD_TX_PIN", 9)), int(defines.get("BOARD_RX_PIN", 10))
        self.instance = int(defines.get("BOARD_USART", self.instance))
        self.uart_name = f"{self.driver.upper()}{self.instance}"
        self.bus.clocks |= self._clocks()
        self.uart = self.make_uart()
        names = (self.uart_name, f"{self.uart_name}_LPUART2")
        self.uart_irq = interrupt(self.devices, *names)

    def make_uart(self) -> UsartSr | UsartIsr:
        raise NotImplementedError

    def _clocks(self) -> dict[str, tuple[int, int]]:
        rcc = self.bus.chip.peripherals["RCC"]
        found = {}
        for register in rcc.registers.values():
            if not _ENABLE.match(register.name):
                continue
            for name, field in register.fields.items():
                peripheral = name.removesuffix("EN").removesuffix("RST")
                peripheral = f"GPIO{peripheral[3]}" if re.fullmatch(r"IOP[A-K]", peripheral) else peripheral
                if peripheral in self.bus.chip.peripherals and peripheral not in _ALWAYS_ON:
                    found[peripheral] = (rcc.base + register.offset, field.mask)
        return found

    def alike(self, register: str, ready: str, on: str, watch: Callable[[], None] | None = None) -> None:
        """`on` of an RCC register makes `ready` follow after a while; `watch` looks when it is switched on."""

        def follow(old: int, new: int) -> int:
            fields = self.bus.chip.peripherals["RCC"].registers[register].fields
            rises = fields[on].of(new) and not fields[on].of(old)
            self.bus.values[self.bus.address("RCC", register)] = new
            if rises and watch:
                watch()
            bit = fields[ready].mask
            if rises:
                self.bus.become_ready("RCC", register, ready)
            return new & ~bit | (old & bit if fields[on].of(new) else 0)

        self.chain("RCC", register, follow)

    def chain(self, peripheral: str, register: str, hook: Callable[[int, int], int]) -> None:
        """Adds a hook behind those that the register has already."""
        address = self.bus.address(peripheral, register)
        first = self.bus._writes.get(address)
        self.bus.on_write(peripheral, register, (lambda old, new: hook(old, first(old, new))) if first else hook)

    def finished(self) -> None:
        super().finished()
        self.check_pins()

    def check_pins(self) -> None:
        self._pin(self.tx_pin, "tx")
        self._pin(self.rx_pin, "rx")
        pull = self.bus.get(f"GPIO{chr(65 + self.rx_pin // 16)}", "PUPDR") >> 2 * (self.rx_pin % 16) & 3
        self.bus.require(pull == 1, "RX has no pull-up: an open one reads as noise or a break")

    def _pin(self, pin: int, signal: str) -> None:
        port = f"GPIO{chr(65 + pin // 16)}"
        name = f"P{port[4]}{pin % 16}"
        mode = self.bus.get(port, "MODER") >> 2 * (pin % 16) & 3
        self.bus.require(mode == 2, f"{name} is in mode {mode}, not an alternate function")
        functions = "AFRL" if pin % 16 < 8 else "AFRH"
        function = self.bus.get(port, functions) >> 4 * (pin % 8) & 15
        wanted = alternate_function(self.devices, pin, self.driver, self.instance, signal)
        self.bus.require(
            function == wanted, f"{name} has function {function}; {self.uart_name} {signal} there is {wanted}"
        )
