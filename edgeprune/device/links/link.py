"""A wire to a device: bytes out, bytes in, nothing else."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


class Link(Protocol):
    """One small driver per way to reach a device. `name` is its name in error messages."""

    name: str

    def open(self) -> None:
        """Make the wire usable. Raises DeviceError (ToolchainError where an emulator is missing)."""

    def close(self) -> None:
        """Let go of the device; never raises, may be called twice."""

    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises DeviceError when the device is gone or accepts nothing."""

    def read(self, timeout_s: float) -> bytes:
        """Bytes received, waiting up to `timeout_s` for the first byte; `b""` when none came.

        Raises DeviceError when the device is gone.
        """


@runtime_checkable
class MemoryPort(Protocol):
    """A link whose device has a debug port beside the wire: memory is written at once, not byte by byte."""

    def poke(self, address: int, data: bytes) -> None:
        """Write `data` to the device's RAM. Raises DeviceError when the port does not take it."""
