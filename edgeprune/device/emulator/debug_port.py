"""Writing an emulated device's memory through QEMU's debug port, in gdb's remote serial protocol.

The emulated UART takes a byte in about 0.1 ms of host time, so a 27 KB input would take seconds. Stopping the machine
for a memory write changes no instruction count.
"""

from __future__ import annotations

import re
import select
import socket
import time

from edgeprune.errors import DeviceError

_BYTES_A_PACKET = 1024
_TIMEOUT_S = 30.0


class DebugPort:
    """Client of a gdb stub whose machine is running.

    Args:
        wire: connected socket; closed by the caller.
    """

    def __init__(self, wire: socket.socket):
        self._wire = wire
        self._received = bytearray()

    def write_memory(self, address: int, data: bytes) -> None:
        """Stop the machine, write, let it run on.

        Raises:
            DeviceError: the stub refuses or does not answer.
        """
        self._wire.sendall(b"\x03")
        self._reply()
        try:
            for offset in range(0, len(data), _BYTES_A_PACKET):
                piece = data[offset : offset + _BYTES_A_PACKET]
                self._send(f"M{address + offset:x},{len(piece):x}:{piece.hex()}")
                answer = self._reply()
                if answer != b"OK":
                    raise DeviceError(f"no memory at {address + offset:#x} on the emulated board ({answer[:20]!r})")
        finally:
            self._send("c")

    def _send(self, text: str) -> None:
        body = text.encode("ascii")
        self._wire.sendall(b"$" + body + f"#{sum(body) & 0xFF:02x}".encode("ascii"))

    def _reply(self) -> bytes:
        """The next packet's content, acknowledged; lone acknowledgements are skipped."""
        deadline_s = time.monotonic() + _TIMEOUT_S
        while (match := re.search(rb"\$([^#]*)#[0-9a-f]{2}", self._received)) is None:
            ready, _, _ = select.select([self._wire], [], [], max(deadline_s - time.monotonic(), 0.0))
            data = self._wire.recv(4096) if ready else b""
            if not data:
                raise DeviceError("the emulator's debug port does not answer")
            self._received += data
        content = bytes(match[1])
        del self._received[: match.end()]
        self._wire.sendall(b"+")
        return content
