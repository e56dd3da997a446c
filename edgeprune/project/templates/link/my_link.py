"""A link of your own: a board's console behind a TCP port, as serial servers offer it. `--port tcp://HOST:PORT`."""

from __future__ import annotations

import socket

from edgeprune.device.links.kind import LinkKind
from edgeprune.errors import DeviceError


class TcpLink:
    """Bytes out, bytes in. Every failure is a DeviceError that says what to do.

    Args:
        address: `HOST:PORT`.
        baud: bits a second of the board behind it; a TCP port has none.
    """

    def __init__(self, address: str, baud: int):
        self.name = f"tcp://{address}"
        self._host, _, self._port = address.rpartition(":")
        self._socket: socket.socket | None = None

    def open(self) -> None:
        if not (self._host and self._port.isascii() and self._port.isdecimal() and int(self._port) < 1 << 16):
            raise DeviceError(f"{self.name} is no address", hint="write tcp://HOST:PORT")
        try:
            self._socket = socket.create_connection((self._host, int(self._port)), timeout=5.0)
        except OSError as error:
            raise DeviceError(f"{self.name} cannot be reached: {error}", hint="is the serial server running?") from None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def write(self, data: bytes) -> None:
        try:
            self._opened().sendall(data)
        except OSError as error:
            raise DeviceError(f"{self.name} is gone: {error}") from None

    def read(self, timeout_s: float) -> bytes:
        opened = self._opened()
        opened.settimeout(max(timeout_s, 0.001))
        try:
            data = opened.recv(4096)
        except TimeoutError:
            return b""
        except OSError as error:
            raise DeviceError(f"{self.name} is gone: {error}") from None
        if not data:
            raise DeviceError(f"{self.name} closed the connection")
        return data

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise DeviceError(f"{self.name} is not open")
        return self._socket


LINK = LinkKind("tcp", TcpLink)
