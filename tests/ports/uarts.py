"""UARTs as the console uses them: bytes in with the chip's real FIFO, bytes out at line rate."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.ports.bus import Bus
    from tests.ports.machine import Machine


class Uart:
    """The part that is alike: a receive FIFO of so many bytes, a transmitter that is busy while a byte goes out.

    Attributes:
        depth: bytes the receiver holds as it is set; deepest: as many as it could.
        sends_ahead: bytes the transmitter holds.
        lost: bytes that arrived when it was full.
    """

    def __init__(self, machine: Machine, depth: int, deepest: int | None = None) -> None:
        self.machine = machine
        self.bus: Bus = machine.bus
        self.depth = depth
        self.deepest = deepest or depth
        self.sends_ahead = 1
        self.fifo: deque[int] = deque()
        self.lost = 0
        self._sent_at = 0.0

    def receive(self, byte: int) -> None:
        if not self.listens():
            self.bus.complain("a byte arrives and the receiver is off")
            self.lost += 1
        elif len(self.fifo) >= self.depth:
            self.overrun()
        else:
            self.fifo.append(byte)
            self.arrived()

    def transmit(self, byte: int) -> None:
        self.bus.require(self.takes(), "a byte is written while the transmitter is full")
        self.machine.acted()
        self.machine.sent.append(byte & 0xFF)
        self._sent_at = max(self._sent_at, self.machine.seconds) + self.machine.byte_seconds

    @property
    def free_at(self) -> float:
        """Seconds at which the transmitter takes another byte."""
        return self._sent_at - (self.sends_ahead - 1) * self.machine.byte_seconds

    def takes(self) -> bool:
        return self.machine.seconds >= self.free_at

    def drained(self) -> bool:
        """Is the last byte on the wire?"""
        return self.machine.seconds >= self._sent_at

    def pop(self) -> int:
        self.machine.acted()
        self.bus.require(bool(self.fifo), "a byte is read and none is there")
        return self.fifo.popleft() if self.fifo else 0

    def arrived(self) -> None:
        pass

    def overrun(self) -> None:
        self.lost += 1

    def listens(self) -> bool:
        raise NotImplementedError

    def interrupts(self) -> bool:
        raise NotImplementedError

    def baud(self) -> float:
        """Bits a second by its divider and the clock that feeds it."""
        raise NotImplementedError


class UsartSr(Uart):
    """USART of STM32 F1 and F4 (RM0090 section 30): one byte, SR and DR."""

    def __init__(self, machine: Machine, name: str) -> None:
        super().__init__(machine, 1)
        self.name = name
        self.kernel_hz = lambda: 0.0
        self.bus.on_read(name, "SR", self._status)
        self.bus.on_read(name, "DR", lambda _value: self.pop())
        self.bus.on_write(name, "DR", self._put)
        self.bus.on_write(name, "BRR", self._divider)

    def listens(self) -> bool:
        return all(self.bus.get(self.name, "CR1", field) for field in ("UE", "RE"))

    def interrupts(self) -> bool:
        return bool(self.fifo) and bool(self.bus.get(self.name, "CR1", "RXNEIE"))

    def baud(self) -> float:
        sixteenths = self.bus.get(self.name, "BRR")
        return self.kernel_hz() / sixteenths if sixteenths else 0.0

    def _status(self, _value: int) -> int:
        takes = self.takes()
        if not self.fifo:
            self.machine.polled()
        return (0x20 if self.fifo else 0) | (0x80 if takes else 0) | (0x40 if self.drained() else 0)

    def _put(self, old: int, new: int) -> int:
        on = all(self.bus.get(self.name, "CR1", field) for field in ("UE", "TE"))
        self.bus.require(on, f"{self.name}.DR is written and the transmitter is off")
        self.transmit(new)
        return old

    def _divider(self, _old: int, new: int) -> int:
        self.bus.require(
            not self.bus.get(self.name, "CR1", "UE") or new == _old, f"{self.name}.BRR is written while it runs"
        )
        self.bus.require(new >> 4 > 0, f"{self.name}.BRR = {new:#x}: the divider is below 1")
        return new


class UsartIsr(Uart):
    """USART and LPUART of STM32 with ISR, RDR and TDR (RM0433 section 48): `fifo_bytes` where FIFOEN is set."""

    def __init__(self, machine: Machine, name: str, fifo_bytes: int, is_low_power: bool = False) -> None:
        super().__init__(machine, 1, fifo_bytes)
        self.name, self.fifo_bytes, self.scale = name, fifo_bytes, 256 if is_low_power else 1
        self.kernel_hz = lambda: 0.0
        self.overran = False
        self.bus.on_read(name, "ISR", self._status)
        self.bus.on_read(name, "RDR", lambda _value: self.pop())
        self.bus.on_write(name, "TDR", self._put)
        self.bus.on_write(name, "CR1", self._control)
        self.bus.on_write(name, "BRR", self._divider)
        self.bus.on_write(name, "ICR", self._clear)

    def listens(self) -> bool:
        return bool(self.bus.get(self.name, "CR1") & 1 and self.bus.get(self.name, "CR1") & 4 and not self.overran)

    def receive(self, byte: int) -> None:
        if self.overran:
            self.lost += 1
            return
        super().receive(byte)

    def overrun(self) -> None:
        self.lost += 1
        self.overran = True

    def interrupts(self) -> bool:
        return bool(self.bus.get(self.name, "CR1") & 1 << 5) and (bool(self.fifo) or self.overran)

    def baud(self) -> float:
        divider = self.bus.get(self.name, "BRR")
        return self.kernel_hz() * self.scale / divider if divider else 0.0

    def _status(self, _value: int) -> int:
        takes = self.takes()
        if not self.fifo and not self.overran:
            self.machine.polled()
        flags = (0x20 if self.fifo else 0) | (0x80 if takes else 0) | (0x40 if self.drained() else 0)
        return flags | (8 if self.overran else 0) | 1 << 21 | 1 << 22

    def _put(self, old: int, new: int) -> int:
        self.bus.require(
            self.bus.get(self.name, "CR1") & 9 == 9, f"{self.name}.TDR is written and the transmitter is off"
        )
        self.transmit(new)
        return old

    def _control(self, old: int, new: int) -> int:
        self.bus.require(
            not (old & 1) or (old ^ new) & 1 << 29 == 0, f"{self.name}.CR1.FIFOEN is changed while it runs"
        )
        self.depth = self.sends_ahead = self.fifo_bytes if new & 1 << 29 else 1
        return new

    def _divider(self, old: int, new: int) -> int:
        self.bus.require(not self.bus.get(self.name, "CR1") & 1, f"{self.name}.BRR is written while it runs")
        least, most = (0x300, 0xFFFFF) if self.scale > 1 else (16, 0xFFFF)
        self.bus.require(least <= new <= most, f"{self.name}.BRR = {new:#x} is outside {least:#x} to {most:#x}")
        return new

    def _clear(self, _old: int, new: int) -> int:
        if new & 8:
            self.overran = False
        return 0


class NrfUart(Uart):
    """UART of nRF51 and nRF52 (Product Specification, chapter UART): six bytes, an event for each byte in RXD."""

    def __init__(self, machine: Machine, name: str) -> None:
        super().__init__(machine, 6)
        self.name = name
        self.rx_event = self.tx_event = self._sending = False
        self.receives = self.transmits = False
        self.inten = 0
        on_write, on_read = self.bus.on_write, self.bus.on_read
        on_write(name, "TASKS_STARTRX", lambda _old, new: self._start("receives", new))
        on_write(name, "TASKS_STARTTX", lambda _old, new: self._start("transmits", new))
        on_read(name, "EVENTS_RXDRDY", self._rx)
        on_read(name, "EVENTS_TXDRDY", self._tx)
        on_write(name, "EVENTS_RXDRDY", lambda _old, new: self._event("rx_event", new))
        on_write(name, "EVENTS_TXDRDY", lambda _old, new: self._event("tx_event", new))
        on_read(name, "RXD", lambda _value: self._pop_next())
        on_write(name, "TXD", lambda _old, new: self._put(new))
        on_write(name, "INTENSET", lambda _old, new: self._enable(self.inten | new))
        on_write(name, "INTENCLR", lambda _old, new: self._enable(self.inten & ~new))

    def listens(self) -> bool:
        return self.receives and self.bus.get(self.name, "ENABLE") == 4

    def interrupts(self) -> bool:
        return self.rx_event and bool(self.inten & 4)

    def baud(self) -> float:
        return self.bus.get(self.name, "BAUDRATE") * 16e6 / 2**32

    def arrived(self) -> None:
        if len(self.fifo) == 1:
            self.rx_event = True

    def _start(self, what: str, value: int) -> int:
        self.bus.require(value == 1, f"{self.name}: a task is triggered by {value}, not 1")
        self.bus.require(self.bus.get(self.name, "ENABLE") == 4, f"{self.name} is started before it is enabled")
        setattr(self, what, True)
        return 0

    def _rx(self, _value: int) -> int:
        if not self.rx_event:
            self.machine.polled()
        return int(self.rx_event)

    def _tx(self, _value: int) -> int:
        if self._sending and self.takes():
            self.tx_event, self._sending = True, False
        if not self.tx_event:
            self.machine.polled()
        return int(self.tx_event)

    def _event(self, name: str, value: int) -> int:
        self.bus.require(value == 0, f"{self.name}: an event is written as {value}, not 0")
        setattr(self, name, False)
        return 0

    def _pop_next(self) -> int:
        byte = self.pop()
        self.rx_event = self.rx_event or bool(self.fifo)
        return byte

    def _put(self, value: int) -> int:
        self.bus.require(self.transmits, f"{self.name}.TXD is written before STARTTX")
        self.transmit(value)
        self._sending = True
        return 0

    def _enable(self, value: int) -> int:
        self.inten = value
        return value


class Pl011(Uart):
    """Arm's PL011 as the RP2040 and RP2350 have it (RP2040 data sheet, section 4.2): 32 bytes each way, FIFOs on."""

    def __init__(self, machine: Machine, name: str) -> None:
        super().__init__(machine, 1, 32)
        self.name = name
        self.kernel_hz = lambda: 0.0
        self.bus.on_read(name, "UARTFR", self._flags)
        self.bus.on_read(name, "UARTDR", lambda _value: self.pop())
        self.bus.on_write(name, "UARTDR", self._put)
        self.bus.on_write(name, "UARTLCR_H", self._line)
        self.bus.on_write(name, "UARTIBRD", lambda old, new: self._divide(new))
        self.bus.on_write(name, "UARTFBRD", lambda old, new: self._divide(new))
        self._latched = (0, 0)

    def listens(self) -> bool:
        return self.bus.get(self.name, "UARTCR") & 0x201 == 0x201

    def interrupts(self) -> bool:
        """The receive interrupt at its level, and the one for bytes that lie below it for 32 bit times."""
        mask = self.bus.get(self.name, "UARTIMSC")
        level = (4, 8, 16, 24, 28)[min(4, self.bus.get(self.name, "UARTIFLS") >> 3 & 7)] if self.depth > 1 else 1
        return bool(mask & 1 << 4 and len(self.fifo) >= level) or bool(mask & 1 << 6 and self.fifo)

    def baud(self) -> float:
        whole, fraction = self._latched
        return self.kernel_hz() / (16 * (whole + fraction / 64)) if whole else 0.0

    def _flags(self, _value: int) -> int:
        takes = self.takes()
        if not self.fifo:
            self.machine.polled()
        return (0 if takes else 0x20) | (0 if self.drained() else 8) | (0x10 if not self.fifo else 0)

    def _put(self, _old: int, new: int) -> int:
        self.bus.require(self.bus.get(self.name, "UARTCR") & 0x101 == 0x101, "the transmitter is off and is written to")
        self.transmit(new)
        return 0

    def _line(self, _old: int, new: int) -> int:
        self.bus.require(new & 0x60 == 0x60, f"{self.name}.UARTLCR_H = {new:#x}: not 8 bits")
        self.bus.require(new & 0x0E == 0, f"{self.name}.UARTLCR_H = {new:#x}: parity or two stop bits")
        self.depth = self.sends_ahead = 32 if new & 0x10 else 1
        self._latched = (self.bus.get(self.name, "UARTIBRD"), self.bus.get(self.name, "UARTFBRD"))
        return new

    def _divide(self, new: int) -> int:
        self._latched = (0, 0)  # LCR_H has to be written after it (DDI 0183G, 3.3.6)
        return new
