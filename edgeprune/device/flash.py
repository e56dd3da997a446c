"""Writing an image to a board, whatever its loader: check, erase, write, verify, start, in this order."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from edgeprune.device.loader import FlashLoader
from edgeprune.image.segments import Image
from edgeprune.progress import Progress


class Erase(StrEnum):
    """How much is erased before writing."""

    NEEDED = "needed"  # the pages the image touches
    ALL = "all"


@dataclass(frozen=True)
class FlashOptions:
    """erase: how much; verify: look afterwards whether flash holds the image; start: let it run."""

    erase: Erase = Erase.NEEDED
    verify: bool = True
    start: bool = True


@dataclass(frozen=True)
class FlashReport:
    """What was done.

    Attributes:
        loader: its name and who answered.
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


def flash(loader: FlashLoader, image: Image, options: FlashOptions, progress: Progress) -> FlashReport:
    """Write `image` through `loader`, which is closed afterwards.

    Raises:
        UsageError, DoesNotFit: refused before anything was erased.
        DeviceError: no answer, or none any more; says what to do.
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
    return FlashReport(
        loader.name, answered, prepared.address, prepared.size_bytes, duration_s, options.verify, options.start
    )
