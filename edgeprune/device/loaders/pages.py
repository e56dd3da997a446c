"""Flash as numbered pages, and writing an image onto them through AN3155."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.links.line_reader import Refused
from edgeprune.device.loaders.an3155 import BLOCK_BYTES, An3155
from edgeprune.errors import DoesNotFit, VerificationError
from edgeprune.progress import Progress

if TYPE_CHECKING:
    from edgeprune.hardware.profile import MemoryRegion, Target

_MENDINGS = 3
_ALIGN_BYTES = 32  # no flash in reach programs larger units; 256 is a multiple
_ERASED = 0xFF


@dataclass(frozen=True)
class PageMap:
    """Pages in address order from `origin` on, numbered from 0; sizes in bytes."""

    origin: int
    sizes: tuple[int, ...]

    @property
    def end(self) -> int:
        return self.origin + sum(self.sizes)

    def touched(self, segments: Iterable[Segment]) -> tuple[int, ...]:
        """Numbers of the pages that hold any of those bytes, rising."""
        spans = [(segment.address, segment.end) for segment in segments]
        starts = accumulate(self.sizes, initial=self.origin)
        return tuple(
            number
            for number, (start, size_bytes) in enumerate(zip(starts, self.sizes, strict=False))
            if any(first < start + size_bytes and start < end for first, end in spans)
        )

    def check(self, image: Image, name: str) -> None:
        """Raises DoesNotFit when the image leaves the pages; `name` is the owner in messages."""
        if image.address < self.origin or image.end > self.end:
            raise DoesNotFit(
                f"the image spans {image.address:#010x} to {image.end:#010x} ({image.size_bytes:,} B); "
                f"{name} takes {self.origin:#010x} to {self.end:#010x} ({self.end - self.origin:,} B)",
                hint="is it linked for this target? `edgeprune build --target` builds it anew",
            )


def region_pages(region: MemoryRegion) -> PageMap:
    """The region's sectors as the target's profile lists them."""
    return PageMap(region.origin, tuple(run.size_bytes for run in region.sectors for _ in range(run.count)))


def check_flash(image: Image, target: Target) -> None:
    """Raises DoesNotFit when the image leaves the target's flash."""
    region = target.region("flash")
    PageMap(region.origin, (region.size_bytes,)).check(image, target.name)


class PagedFlash:
    """Erasing, writing and comparing page by page.

    Args:
        protocol: in conversation with the loader.
        pages: where an image may go.
        erase: the protocol's own way to erase pages (classic or extended).
    """

    def __init__(self, protocol: An3155, pages: PageMap, erase: Callable[[Sequence[int]], None]):
        self._protocol = protocol
        self._pages = pages
        self._erase = erase

    def erase(self, image: Image, progress: Progress) -> None:
        """Page by page, because a long list may exceed any timeout and would begin again after one lost byte."""
        touched = self._pages.touched(image.segments)
        with progress.task("erasing", len(touched)) as task:
            for page in touched:
                self._erase([page])
                task.advance()

    def write(self, image: Image, progress: Progress) -> None:
        blocks = list(_blocks(image))
        with progress.task("writing", len(blocks)) as task:
            for number, block in enumerate(blocks):
                try:
                    self._protocol.write(block.address, block.content)
                except Refused:
                    # A block that was meant for elsewhere may have landed here: the cells are not blank.
                    self._mend([block], blocks[: number + 1])
                task.advance()

    def verify(self, image: Image, progress: Progress) -> None:
        """Read all back; pages that differ are written again, a few times.

        Raises:
            VerificationError: they still differ.
        """
        blocks = list(_blocks(image))
        for _ in range(_MENDINGS):
            different = self._different(blocks, progress)
            if not different:
                return
            progress.note(f"{len(different)} of {len(blocks)} blocks differ and are written again")
            self._mend(different, list(_blocks(image)))
        different = self._different(blocks, progress)
        if different:
            raise VerificationError(
                f"flash differs from the image at {different[0].address:#010x} and in {len(different)} of "
                f"{len(blocks)} blocks of {BLOCK_BYTES} B, after {_MENDINGS} more tries",
                hint="check cable and supply, lower --baud; if it stays at one address, that flash page is worn out",
            )

    def _different(self, blocks: Sequence[Segment], progress: Progress) -> list[Segment]:
        with progress.task("verifying", len(blocks)) as task:
            different = []
            for block in blocks:
                if not self._holds(block):
                    different.append(block)
                task.advance()
            return different

    def _holds(self, block: Segment) -> bool:
        """Read twice where the first answer differs: nothing checks the bytes on their way back."""
        size_bytes = len(block.content)
        return (
            self._protocol.read(block.address, size_bytes) == block.content
            or self._protocol.read(block.address, size_bytes) == block.content
        )

    def _mend(self, different: Sequence[Segment], blocks: Sequence[Segment]) -> None:
        for page in self._pages.touched(different):
            self._erase([page])
            for block in blocks:
                if page in self._pages.touched([block]):
                    self._protocol.write(block.address, block.content)


def _blocks(image: Image) -> Iterator[Segment]:
    """The image in aligned blocks, filled up with 0xFF; blank ones are left out, as erased flash reads so."""
    first = image.address - image.address % BLOCK_BYTES
    for address in range(first, image.end, BLOCK_BYTES):
        start = max(address, image.address - image.address % _ALIGN_BYTES)
        end = min(address + BLOCK_BYTES, image.end + -image.end % _ALIGN_BYTES)
        content = image.read(start, end - start)
        if any(byte != _ERASED for byte in content):
            yield Segment(start, content)
