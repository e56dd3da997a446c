"""A test double of an Android device's side of adb (adbd): no phone, no Android; the real `adb` talks to it over TCP.

It speaks CNXN, AUTH (to refuse), OPEN, OKAY, WRTE and CLSE, and one service, the shell protocol 2 (AOSP, the
adb sources' description of both). Commands run on this machine, `/data/local/tmp` a folder of the test's.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import subprocess
import threading
from enum import Enum
from pathlib import Path

_VERSION, _MOST_BYTES = 0x01000001, 1 << 18
_STDIN, _STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = range(5)
_FEATURES = b"device::ro.product.name=double;ro.product.model=Double;ro.product.device=double;features=shell_v2,cmd"


class Manner(Enum):
    READY = "ready"
    UNAUTHORIZED = "unauthorized"
    BREAKS_OFF = "breaks off in the middle of a long input"


class AdbDouble:
    """manner: how it treats the next connection."""

    def __init__(self, folder: Path):
        self.manner = Manner.READY
        self._folder = folder
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.serial = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, _ = self._listener.accept()
                threading.Thread(target=_Connection(wire, self).serve, daemon=True).start()

    def path(self, command: str) -> str:
        return command.replace("/data/local/tmp", str(self._folder))


class _Connection:
    def __init__(self, wire: socket.socket, double: AdbDouble):
        self._wire, self._double = wire, double
        self._lock = threading.Lock()
        self._shells: dict[int, _Shell] = {}

    def serve(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                name, first, second, data = self._receive()
                self._answer(name, first, second, data)
        for shell in self._shells.values():
            shell.end()
        self._wire.close()

    def send(self, name: bytes, first: int, second: int, data: bytes = b"") -> None:
        number = int.from_bytes(name, "little")
        header = struct.pack("<6I", number, first, second, len(data), sum(data) & 0xFFFFFFFF, number ^ 0xFFFFFFFF)
        with self._lock:
            self._wire.sendall(header + data)

    def _receive(self) -> tuple[bytes, int, int, bytes]:
        number, first, second, size, _, _ = struct.unpack("<6I", self._exactly(24))
        return number.to_bytes(4, "little"), first, second, self._exactly(size)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self._wire.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def _answer(self, name: bytes, first: int, second: int, data: bytes) -> None:
        if name in (b"CNXN", b"AUTH"):
            if self._double.manner is Manner.UNAUTHORIZED:
                self.send(b"AUTH", 1, 0, bytes(20))
            else:
                self.send(b"CNXN", _VERSION, _MOST_BYTES, _FEATURES)
        elif name == b"OPEN":
            service = data.rstrip(b"\0").decode("utf-8", "surrogateescape")
            kind, _, command = service.partition(":")
            if not kind.startswith("shell,v2"):
                self.send(b"CLSE", 0, first)
                return
            self._shells[first] = _Shell(self, first, self._double.path(command))
            self.send(b"OKAY", first, first)
            self._shells[first].begin()
        elif name == b"WRTE" and second in self._shells:
            if self._double.manner is Manner.BREAKS_OFF and len(data) > 10_000:
                raise EOFError
            self._shells[second].take(data)
            self.send(b"OKAY", second, first)
        elif name == b"OKAY" and second in self._shells:
            self._shells[second].went_through.put(None)
        elif name == b"CLSE" and second in self._shells:
            self._shells.pop(second).end()


class _Shell:
    """One command; its number is the same on both sides."""

    def __init__(self, connection: _Connection, number: int, command: str):
        self._connection, self._number = connection, number
        self.went_through: queue.Queue[None] = queue.Queue()
        self._given, self._input = b"", queue.Queue[bytes | None]()
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(["/bin/sh", "-c", command], stdin=pipe, stdout=pipe, stderr=pipe)
        self._sending = threading.Lock()

    def begin(self) -> None:
        for work in (self._feed, self._finish):
            threading.Thread(target=work, daemon=True).start()

    def end(self) -> None:
        self._input.put(None)
        if self._process.poll() is None:
            self._process.kill()

    def take(self, data: bytes) -> None:
        self._given += data
        while len(self._given) >= 5:
            kind, size = struct.unpack("<BI", self._given[:5])
            if len(self._given) < 5 + size:
                break
            payload, self._given = self._given[5 : 5 + size], self._given[5 + size :]
            if kind in (_STDIN, _CLOSE_STDIN):
                self._input.put(payload if kind == _STDIN else None)

    def _feed(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            while (piece := self._input.get()) is not None:
                self._process.stdin.write(piece)
                self._process.stdin.flush()
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _finish(self) -> None:
        ends = ((_STDOUT, self._process.stdout), (_STDERR, self._process.stderr))
        readers = [threading.Thread(target=self._pass_on, args=end, daemon=True) for end in ends]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        status = self._process.wait()
        with contextlib.suppress(OSError):
            self._send(_EXIT, bytes([status if status >= 0 else 128 - status]))
            self._connection.send(b"CLSE", self._number, self._number)

    def _pass_on(self, kind: int, stream: object) -> None:
        with contextlib.suppress(OSError):
            while piece := stream.read1(1 << 15):  # type: ignore[attr-defined]
                self._send(kind, piece)

    def _send(self, kind: int, payload: bytes) -> None:
        with self._sending:
            packet = struct.pack("<BI", kind, len(payload)) + payload
            self._connection.send(b"WRTE", self._number, self._number, packet)
            with contextlib.suppress(queue.Empty):
                self.went_through.get(timeout=20)
