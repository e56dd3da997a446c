"""Program memory as address -> bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from edgeprune.errors import UsageError

MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class Segment:
    """Bytes to be written at an address on the bus."""

    address: int
    content: bytes

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.address + len(self.content)


@dataclass(frozen=True)
class Image:
    """Segments in rising order, none empty, none touching the next."""

    segments: tuple[Segment, ...]

    @property
    def address(self) -> int:
        return self.segments[0].address

    @property
    def end(self) -> int:
        return self.segments[-1].end

    @property
    def size_bytes(self) -> int:
        """Bytes to be written, gaps not counted."""
        return sum(len(segment.content) for segment in self.segments)

    def read(self, address: int, size_bytes: int) -> bytes:
        """`size_bytes` from `address` on; 0xFF, as erased flash reads, where the image holds nothing."""
        window = bytearray(b"\xff" * size_bytes)
        for segment in self.segments:
            start, end = max(segment.address, address), min(segment.end, address + size_bytes)
            if start < end:
                window[start - address : end - address] = segment.content[
                    start - segment.address : end - segment.address
                ]
        return bytes(window)

    def flat(self) -> Segment:
        """From the first byte to the last, gaps filled with 0xFF.

        Raises:
            UsageError: the gaps make it larger than any program memory.
        """
        if self.end - self.address > MAX_BYTES:
            raise UsageError(
                f"the image spans {self.end - self.address:,} B, from {self.address:#010x} to {self.end:#010x}",
                hint="it holds more than one memory; write it without the others (objcopy --only-section)",
            )
        return Segment(self.address, self.read(self.address, self.end - self.address))


def image_of(segments: Iterable[Segment], name: str) -> Image:
    """Segments in any order as an image; touching ones are joined.

    Args:
        name: the file's, in error messages.

    Raises:
        UsageError: no bytes, more than 64 MiB, beyond 32-bit addresses, or two segments hold the same address.
    """
    ordered = sorted((segment for segment in segments if segment.content), key=lambda segment: segment.address)
    if not ordered:
        raise UsageError(f"{name} holds no bytes to write", hint="is it an object file that was not linked?")
    for below, above in pairwise(ordered):
        if above.address < below.end:
            raise UsageError(
                f"{name} holds two different contents for address {above.address:#010x}",
                hint="link or copy it again; an image is one program",
            )
    if ordered[0].address < 0 or ordered[-1].end > 1 << 32:
        raise UsageError(f"{name} reaches {ordered[-1].end:#x}, beyond 32-bit addresses", hint="link or copy it again")
    if (total := sum(len(segment.content) for segment in ordered)) > MAX_BYTES:
        raise UsageError(
            f"{name} holds {total:,} B; images are at most {MAX_BYTES:,} B",
            hint="name a firmware image; this is more than a microcontroller's flash",
        )
    return Image(tuple(_joined(ordered)))


def _joined(ordered: list[Segment]) -> Iterable[Segment]:
    start, pieces = ordered[0].address, [ordered[0].content]
    for below, above in pairwise(ordered):
        if above.address != below.end:
            yield Segment(start, b"".join(pieces))
            start, pieces = above.address, []
        pieces.append(above.content)
    yield Segment(start, b"".join(pieces))
