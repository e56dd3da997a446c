"""Memory of a running machine written through its gdb stub: a stub of Python beside the client."""

from __future__ import annotations

import re
import socket
import threading

import pytest

from edgeprune.device.emulator.debug_port import DebugPort
from edgeprune.errors import DeviceError

ORIGIN, SIZE_BYTES = 0x2000_0000, 4096


class Stub(threading.Thread):
    """Answers every packet, and waits for the acknowledgement of each answer as the protocol wants it."""

    def __init__(self, wire: socket.socket):
        super().__init__(daemon=True)
        self.wire, self.memory, self.events = wire, bytearray(SIZE_BYTES), list[str]()
        wire.settimeout(20)

    def run(self) -> None:
        assert self.wire.recv(1) == b"\x03"
        self.events.append("stopped")
        self._answer(b"T02")
        while (packet := self._packet()) != "c":
            match = re.fullmatch(r"M([0-9a-f]+),([0-9a-f]+):([0-9a-f]*)", packet)
            assert match is not None, packet
            at, content = int(match[1], 16) - ORIGIN, bytes.fromhex(match[3])
            assert len(content) == int(match[2], 16) and len(packet) < 4096 - 4  # what QEMU's stub takes
            is_inside = at >= 0 and at + len(content) <= SIZE_BYTES
            if is_inside:
                self.memory[at : at + len(content)] = content
            self._answer(b"OK" if is_inside else b"E14")
        self.events.append("goes on")

    def _packet(self) -> str:
        data = b""
        while not re.search(rb"#..$", data):
            data += self.wire.recv(1)
        body, _, digits = data.lstrip(b"+").removeprefix(b"$").partition(b"#")
        assert sum(body) & 0xFF == int(digits, 16)
        return body.decode()

    def _answer(self, content: bytes) -> None:
        self.wire.sendall(b"+$" + content + b"#%02x" % (sum(content) & 0xFF))
        assert self.wire.recv(1) == b"+"
        self.events.append("acknowledged")


def written(address: int, data: bytes) -> Stub:
    here, there = socket.socketpair()
    with here, there:
        stub = Stub(there)
        stub.start()
        try:
            DebugPort(here).write_memory(address, data)
        finally:
            stub.join(20)
    assert not stub.is_alive() and stub.events[0] == "stopped" and stub.events[-1] == "goes on"
    return stub


@pytest.mark.parametrize("size_bytes", [1, 1024, 1025, 3000])
def test_what_is_written_lies_there_and_the_machine_goes_on(size_bytes: int) -> None:
    data = bytes(value * 37 & 0xFF for value in range(size_bytes))
    stub = written(ORIGIN + 100, data)
    assert stub.memory == bytes(100) + data + bytes(SIZE_BYTES - 100 - size_bytes)
    assert stub.events.count("acknowledged") == 1 + -(-size_bytes // 1024)


def test_memory_that_is_not_there_is_named_and_the_machine_goes_on() -> None:
    with pytest.raises(DeviceError, match=r"no memory at 0x20000f00 .*E14"):
        written(ORIGIN + 0xF00, bytes(0x200))
