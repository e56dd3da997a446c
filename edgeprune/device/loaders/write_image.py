"""Writing an image to a board, whatever its loader: check, erase, write, verify, start, in this order."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from edgeprune.device.image.segments import Image
from edgeprune.device.loaders.loader import FlashLoader
from edgeprune.progress import Progress


class Erase(StrEnum):
    """How much is erased before writing."""

    NEEDED = "needed"  # the pages the image touches
    ALL = "all"


@dataclass(frozen=True)
class WriteOptions:
    """erase: how much; verify: read flash back and compare; start: run the image."""

    erase: Erase = Erase.NEEDED
    verify: bool = True
    start: bool = True


@dataclass(frozen=True)
class WriteReport:
    """An image written.

    Attributes:
        loader, answered: its name, and its description of itself.
        address, size_bytes: of what was written.
        duration_s: from the first erase to the end of verifying.
    """

    loader: str
    answered: str
    address: int
    size_bytes: int
    duration_s: float
    verified: bool
    started: bool


def write_image(loader: FlashLoader, image: Image, options: WriteOptions, progress: Progress) -> WriteReport:
    """Write `image` through `loader`, which is closed afterwards.

    Raises:
        UsageError, DoesNotFit: refused before anything was erased.
        DeviceError: no answer, or none any more.
        VerificationError: flash holds other bytes.
    """
    try:
        answered = loader.connect()
        progress.note(f"{loader.name}: {answered}")
        prepared = loader.prepare(image)
        began_s = time.monotonic()
        if options.erase is Erase.ALL:
            loader.erase_all(progress)
        else:
            loader.erase(prepared, progress)
        loader.write(prepared, progress)
        if options.verify:
            loader.verify(prepared, progress)
        duration_s = time.monotonic() - began_s
        if options.start:
            loader.start(prepared)
    finally:
        loader.close()
    return WriteReport(
        loader.name, answered, prepared.address, prepared.size_bytes, duration_s, options.verify, options.start
    )
