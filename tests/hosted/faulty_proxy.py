"""A TCP proxy that does one thing wrong, once so many bytes have passed one way: it cuts, stalls or garbles."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from dataclasses import dataclass
from enum import StrEnum

_PIECE_BYTES = 4096
_GARBLED_BYTES = 8


class Fault(StrEnum):
    CUT = "cut"  # both ways, at once
    STALL = "stall"  # for good: connected, and nothing passes
    GARBAGE = "garbage"  # a few bytes become others


@dataclass(frozen=True)
class Plan:
    """fault: what happens after `after_bytes` bytes to the device, or from it; seed: of the garbage."""

    fault: Fault
    to_device: bool
    after_bytes: int
    seed: int


class FaultyProxy:
    """plan: of all connections together; None lets everything through.

    Attributes:
        port: to connect to.
        passed: bytes so far, by whether they went to the device.
        struck: whether the fault happened.
    """

    def __init__(self, to_port: int, plan: Plan | None):
        self.passed = {True: 0, False: 0}
        self.struck = False
        self._to_port, self._plan = to_port, plan
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for wire in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to_port))
                self._open += [client, server]
                for source, sink, to_device in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pump, args=(source, sink, to_device), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, to_device: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE_BYTES):
                passing = self._through(piece, to_device)
                if passing is None:
                    break
                sink.sendall(passing)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _through(self, piece: bytes, to_device: bool) -> bytes | None:
        """What of a piece goes on; None where the connection ends."""
        with self._lock:
            begin = self.passed[to_device]
            self.passed[to_device] += len(piece)
            plan = self._plan
            if self.struck and plan is not None and plan.fault is not Fault.GARBAGE:
                return b"" if plan.fault is Fault.STALL else None
            if (
                plan is None
                or self.struck
                or plan.to_device is not to_device
                or self.passed[to_device] <= plan.after_bytes
            ):
                return piece
            self.struck = True
        at = max(0, plan.after_bytes - begin)
        if plan.fault is Fault.GARBAGE:
            count = min(_GARBLED_BYTES, len(piece) - at)
            return piece[:at] + random.Random(plan.seed).randbytes(count) + piece[at + count :]
        return piece[:at] if plan.fault is Fault.STALL else None
