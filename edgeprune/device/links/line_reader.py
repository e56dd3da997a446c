"""Reply lines off a wire, with a limit on everything a bad device could stretch: time, line and reply length."""

from __future__ import annotations

import time

from edgeprune.device.links.link import Link
from edgeprune.errors import DeviceError

READY = "m-ready"
MAX_LINE_BYTES = 1 << 20
MAX_REPLY_BYTES = 1 << 24


class WireError(DeviceError):
    """An error that a bad wire may have caused: worth a retry, and when that does not help, a check of the wire."""

    def __init__(self, message: str, hint: str = "check baud rate and cable, press reset, or flash the board again"):
        super().__init__(message, hint)


class Damaged(WireError):
    """Bytes that no firmware of ours sends: lost, flipped or repeated on the wire."""


class NoAnswer(WireError):
    """Nothing came in time: a byte of the command may have been lost."""


class Refused(WireError):
    """The device answered with an error line; the command may have been damaged."""


class Foreign(WireError):
    """Something other than EdgePrune's firmware seems to answer; a damaged command or reply looks the same."""


class LineReader:
    """Cuts what a link delivers into lines ended by CR LF."""

    def __init__(self, link: Link):
        self._link = link
        self._pending = bytearray()

    def line(self, deadline_s: float) -> str:
        """The next line, without its end.

        Args:
            deadline_s: on `time.monotonic`'s clock.

        Raises:
            NoAnswer: nothing more came in time.
            Damaged: the line is too long, not ASCII, or not ended by CR LF.
            DeviceError: the device is gone.
        """
        searched = 0
        while (end := self._pending.find(b"\n", searched)) < 0:
            searched = len(self._pending)
            if searched > MAX_LINE_BYTES:
                raise self._garbled(f"a line of more than {MAX_LINE_BYTES:,} bytes")
            data = self._link.read(max(deadline_s - time.monotonic(), 0.0)) if time.monotonic() < deadline_s else b""
            if not data:
                raise NoAnswer(
                    f"{self._link.name} does not answer" + (" in whole lines" if self._pending else ""),
                    hint="check port, baud rate and cable, press reset, or flash the firmware again",
                )
            self._pending += data
        raw = bytes(self._pending[:end])
        del self._pending[: end + 1]
        if not raw.endswith(b"\r"):
            raise self._garbled(f"{raw[:60]!r} is not ended by CR LF")
        if not raw.isascii():
            raise self._garbled(f"{raw[:60]!r} is not ASCII")
        return raw[:-1].decode("ascii")

    def reply(self, timeout_s: float) -> list[str]:
        """All lines up to `m-ready`, which is left out.

        Raises:
            NoAnswer, Damaged, DeviceError: as `line`; Damaged too when the reply is too long.
        """
        deadline_s = time.monotonic() + timeout_s
        lines: list[str] = []
        size_bytes = 0
        while (line := self.line(deadline_s)) != READY:
            lines.append(line)
            size_bytes += len(line) + 2
            if size_bytes > MAX_REPLY_BYTES:
                raise self._garbled(f"a reply of more than {MAX_REPLY_BYTES:,} bytes")
        return lines

    def rest(self) -> bytes:
        """Bytes received since the last whole line."""
        return bytes(self._pending)

    def discard(self, quiet_s: float = 0.0) -> None:
        """Drop bytes received so far, and further ones until the wire is idle for `quiet_s`; 5 s at most."""
        self._pending.clear()
        deadline_s = time.monotonic() + 5.0
        while time.monotonic() < deadline_s and self._link.read(quiet_s):
            pass

    def _garbled(self, what: str) -> Damaged:
        self._pending.clear()
        return Damaged(f"{self._link.name} sent {what}")
