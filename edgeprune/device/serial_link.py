"""A real board on a serial port, through pyserial."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from edgeprune.errors import DeviceError

if TYPE_CHECKING:
    import serial

_WRITE_TIMEOUT_S = 30.0


class SerialLink:
    """Link to a board at 8N1.

    Args:
        port: `/dev/ttyACM0`, `COM3`, or a pyserial URL such as `socket://host:port`.
        baud: bits a second, both ways.
    """

    def __init__(self, port: str, baud: int = 115200):
        self.name = port
        self._port = port
        self._baud = baud
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
            wire.write_timeout = _WRITE_TIMEOUT_S
            if "://" not in self._port:
                wire.exclusive = True
            wire.open()
        except (serial.SerialException, OSError, ValueError) as error:
            raise _not_opened(self._port, error) from error
        self._serial = wire

    def close(self) -> None:
        if self._serial is not None:
            with contextlib.suppress(OSError):  # unplugged: the system has closed it already
                self._serial.close()
            self._serial = None

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
            wire.timeout = max(timeout_s, 0.0)
            first = wire.read(1)
            return bytes(first + wire.read(wire.in_waiting)) if first else b""
        except (serial.SerialException, OSError, TypeError) as error:
            # pyserial on POSIX reads from a closed descriptor as a TypeError
            raise self._gone(error) from error

    def _wire(self) -> serial.Serial:
        if self._serial is None:
            raise DeviceError(f"{self.name} is not open")
        return self._serial

    def _gone(self, error: Exception) -> DeviceError:
        return DeviceError(f"{self.name} is gone: {error}", hint="check the cable and plug the board in again")


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
