"""A real board on a serial port, through pyserial."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
from enum import StrEnum
from typing import TYPE_CHECKING

from edgeprune.errors import DeviceError

if TYPE_CHECKING:
    import serial


_WRITE_TIMEOUT_S = 30.0
# What setting up a port raises beside pyserial's own errors; `termios.error` is no OSError, and not on Windows.
_SYSTEM_ERRORS: tuple[type[Exception], ...] = (OSError, ValueError)
if importlib.util.find_spec("termios") is not None:
    _SYSTEM_ERRORS += (importlib.import_module("termios").error,)


class Parity(StrEnum):
    """Of a byte on the wire; eight data bits and one stop bit always."""

    NONE = "N"  # the console
    EVEN = "E"  # bootloaders that speak AN3155


class SerialLink:
    """Link to a board.

    Args:
        port: `/dev/ttyACM0`, `COM3`, or a pyserial URL such as `socket://host:port`.
        baud: bits a second, both ways.
        parity: at first; `set_parity` changes it.
    """

    def __init__(self, port: str, baud: int = 115200, parity: Parity = Parity.NONE):
        self.name = port
        self._port = port
        self._baud = baud
        self._parity = parity
        self._serial: serial.Serial | None = None

    def open(self) -> None:
        """Open the port for this process alone.

        Raises:
            DeviceError: missing, busy, not permitted, or no serial port.
        """
        import serial

        try:
            wire = serial.serial_for_url(self._port, do_not_open=True)
            wire.baudrate = self._baud
            wire.parity = self._framed(self._parity).value
            wire.write_timeout = _WRITE_TIMEOUT_S
            if "://" not in self._port:
                wire.exclusive = True
            wire.open()
        except (serial.SerialException, *_SYSTEM_ERRORS) as error:
            raise _not_opened(self._port, error) from error
        # FTDI's adapters hold bytes back for 16 ms otherwise; others and other systems know no such thing.
        with contextlib.suppress(OSError, ValueError, AttributeError, NotImplementedError):
            wire.set_low_latency_mode(True)
        self._serial = wire

    def close(self) -> None:
        if self._serial is not None:
            with contextlib.suppress(OSError):  # unplugged: the system has closed it already
                self._serial.close()
            self._serial = None

    def set_parity(self, parity: Parity) -> None:
        """Change the framing of an open port, as between a bootloader and the console. Raises DeviceError."""
        import serial

        self._parity = parity
        try:
            self._wire().parity = self._framed(parity).value
        except (serial.SerialException, *_SYSTEM_ERRORS) as error:
            raise self._gone(error) from error

    def set_lines(self, dtr: bool, rts: bool) -> None:
        """Assert (pin low) or release the modem control lines; ports without them take no notice."""
        wire = self._wire()
        with contextlib.suppress(OSError, NotImplementedError):
            wire.dtr = dtr
            wire.rts = rts

    def write(self, data: bytes) -> None:
        import serial

        wire = self._wire()
        try:
            wire.write(data)
        except serial.SerialTimeoutException as error:
            raise DeviceError(f"{self.name} takes no bytes", hint="flow control is on, or the adapter hangs") from error
        except (serial.SerialException, OSError) as error:
            raise self._gone(error) from error

    def read(self, timeout_s: float) -> bytes:
        import serial

        wire = self._wire()
        try:
            if timeout_s > 0.0:
                if wire.timeout != timeout_s:
                    wire.timeout = timeout_s  # queries the system for the port's settings each time
                first = wire.read(1)
            else:
                first = b""
            waiting = wire.in_waiting
            return bytes(first + wire.read(waiting)) if waiting else bytes(first)
        except (serial.SerialException, OSError, TypeError) as error:
            # pyserial on POSIX reads from a closed descriptor as a TypeError
            raise self._gone(error) from error

    def _framed(self, parity: Parity) -> Parity:
        """Pseudo-terminals carry bytes, not bits, and refuse a parity."""
        return Parity.NONE if self._port.startswith("/dev/pts/") else parity

    def _wire(self) -> serial.Serial:
        if self._serial is None:
            raise DeviceError(f"{self.name} is not open")
        return self._serial

    def _gone(self, error: Exception) -> DeviceError:
        return DeviceError(f"{self.name} is gone: {error}", hint="check the cable and plug the board in again")


def is_serial_port(name: str) -> bool:
    """Whether `name` looks like a port of this kind: a device file, a Windows port or a pyserial URL."""
    return "://" in name or name.startswith(("/dev/", "COM"))


def _not_opened(port: str, error: Exception) -> DeviceError:
    number = getattr(error, "errno", None)
    text = str(error)
    if number == errno.ENOENT or "No such file" in text or "FileNotFound" in text:
        return DeviceError(f"no serial port {port}", hint="`edgeprune devices` lists the ports there are")
    if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in text or "busy" in text.lower():
        return DeviceError(f"{port} is busy", hint="close the terminal or the other program that holds it")
    if number == errno.EACCES or "ermission" in text:
        hint = "add yourself to its group: `sudo usermod -aG dialout $USER`, then log in again"
        return DeviceError(f"{port} may not be opened: permission denied", hint=hint)
    return DeviceError(f"{port} cannot be opened: {text}", hint="name a serial port, for example /dev/ttyACM0")
