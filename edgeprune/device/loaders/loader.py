"""Protocol of the loaders that write a board's flash; one file each, driven by `write_image.py`."""

from __future__ import annotations

from typing import Protocol

from edgeprune.device.image.segments import Image
from edgeprune.progress import Progress


class FlashLoader(Protocol):
    """A board's loader. `name` is its name in messages.

    Every method raises DeviceError when the other end does not answer, is gone or refuses after retries.
    """

    name: str

    def connect(self) -> str:
        """Reach the loader; a description of the loader that answered. Nothing is changed on the board."""

    def prepare(self, image: Image) -> Image:
        """The image in the form this board needs, with everything that can be checked before anything is erased.

        Raises:
            DoesNotFit: it leaves the flash it may be written to.
            UsageError: it is for another board, not whole, or not signed as the board requires.
        """

    def erase(self, image: Image, progress: Progress) -> None:
        """Erase the pages the image touches."""

    def erase_all(self, progress: Progress) -> None:
        """Erase everything this loader may erase."""

    def write(self, image: Image, progress: Progress) -> None:
        """Write it onto erased flash."""

    def verify(self, image: Image, progress: Progress) -> None:
        """See that flash holds the image; mends what differs.

        Raises:
            VerificationError: some of it differs after that; with the addresses.
        """

    def start(self, image: Image) -> None:
        """Let the image run."""

    def close(self) -> None:
        """Let go of the device; never raises."""
