"""A scripted device for tests: it sends given replies, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.errors import DeviceError


class FakeLink:
    """Link whose replies are given in advance.

    Args:
        boot: bytes waiting when the link is opened.
        answers: for each write in turn, the pieces that `read` will return one by one; when they run out the device
            sends nothing.
    """

    def __init__(self, boot: bytes = b"", answers: Sequence[Sequence[bytes]] = ()):
        self.name = "fake"
        self.written: list[bytes] = []
        self._pieces = [boot] if boot else []
        self._answers = list(answers)
        self._is_open = False

    def open(self) -> None:
        self._is_open = True

    def close(self) -> None:
        self._is_open = False

    def write(self, data: bytes) -> None:
        if not self._is_open:
            raise DeviceError("fake is not open")
        self.written.append(data)
        if self._answers:
            self._pieces.extend(self._answers.pop(0))

    def read(self, timeout_s: float) -> bytes:
        if not self._is_open:
            raise DeviceError("fake is not open")
        return self._pieces.pop(0) if self._pieces else b""
