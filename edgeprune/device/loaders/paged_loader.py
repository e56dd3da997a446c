"""What loaders that speak AN3155 share: pages erased, written and read back over one link."""

from __future__ import annotations

from abc import ABC, abstractmethod

from edgeprune.device.image.segments import Image
from edgeprune.device.links.line_reader import NoAnswer
from edgeprune.device.links.link import Link
from edgeprune.device.loaders.an3155 import An3155, Timing
from edgeprune.device.loaders.pages import PagedFlash
from edgeprune.progress import Progress


class PagedLoader(ABC):
    """A loader behind AN3155.

    Args:
        name: in messages.
        link: opened by the caller, closed by `close`.
        timing: what to wait.
        parts_ahead: as An3155 takes it.
    """

    def __init__(self, name: str, link: Link, timing: Timing, parts_ahead: int = 1):
        self.name = name
        self._link = link
        self._timing = timing
        self._protocol = An3155(link, timing, parts_ahead)

    @abstractmethod
    def _flash(self) -> PagedFlash:
        """The pages an image may go to."""

    @abstractmethod
    def _erase_everything(self) -> None:
        """By the command this loader has for it."""

    def erase(self, image: Image, progress: Progress) -> None:
        self._flash().erase(image, progress)

    def erase_all(self, progress: Progress) -> None:
        with progress.task("erasing", 1) as task:
            self._erase_everything()
            task.advance()

    def write(self, image: Image, progress: Progress) -> None:
        self._flash().write(image, progress)

    def verify(self, image: Image, progress: Progress) -> None:
        self._flash().verify(image, progress)

    def close(self) -> None:
        self._link.close()

    def _answers(self) -> bool:
        """Whether the loader is called with success."""
        try:
            self._protocol.call(self._timing.call_s)
        except NoAnswer:
            return False
        return True
