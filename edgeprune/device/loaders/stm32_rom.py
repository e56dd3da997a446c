"""The bootloader in an STM32's ROM, over a UART."""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.device.found import Kind
from edgeprune.device.image.segments import Image
from edgeprune.device.links.line_reader import Refused
from edgeprune.device.links.link import Link
from edgeprune.device.links.serial_link import Parity, SerialLink, is_serial_port
from edgeprune.device.links.wiring import ControlLines, Wiring, wirings
from edgeprune.device.loaders.an3155 import ERASE, EXTENDED_ERASE, Timing
from edgeprune.device.loaders.kind import LoaderKind, LoaderRequest
from edgeprune.device.loaders.paged_loader import PagedLoader
from edgeprune.device.loaders.pages import PagedFlash, region_pages
from edgeprune.errors import DeviceError, UsageError
from edgeprune.hardware.profile import DEFAULT_BAUD, Loader, Target

_CLASSIC_PAGES = 256


class Stm32Rom(PagedLoader):
    """Loader for a chip whose ROM implements AN3155.

    Args:
        link: 8E1; opened by the caller, closed by `close`.
        target: its first flash region lists the sectors.
        profile: the loader's table in the target's profile.
        lines: the same port's control lines; None where it has none.
        wirings: how they may be wired; tried in turn.
        timing: what to wait.
    """

    def __init__(
        self,
        link: Link,
        target: Target,
        profile: Loader,
        lines: ControlLines | None = None,
        wirings: Sequence[Wiring] = (),
        timing: Timing = Timing(),  # noqa: B008
    ):
        super().__init__(f"STM32 ROM bootloader on {link.name}", link, timing)
        self._target = target
        self._profile = profile
        self._lines = lines
        self._wirings = wirings
        self._working_wiring: Wiring | None = None
        self._pages = region_pages(target.region("flash"))
        self._commands: frozenset[int] = frozenset()

    def connect(self) -> str:
        """Reach the ROM, by reset and BOOT0 where they are wired.

        Raises:
            UsageError: the target's profile does not list its sectors.
            DeviceError: no answer (the message names its pins), another chip, or one that is read-protected.
        """
        if not self._pages.sizes:
            raise UsageError(
                f"the profile of {self._target.name} does not list the sectors of its flash",
                hint="add `sectors` to its flash region, from the reference manual",
            )
        self._call()
        try:
            self._commands = self._protocol.commands()
            product_id = self._protocol.product_id()
        except Refused as error:
            raise DeviceError(
                f"{self.name} refuses to identify itself", hint="the chip may be read-protected: erase it with a probe"
            ) from error
        if self._profile.product_id not in (None, product_id):
            raise DeviceError(
                f"the chip on {self._link.name} has product id {product_id:#05x}, "
                f"{self._target.name} has {self._profile.product_id:#05x}",
                hint="choose the target that is connected: --target",
            )
        return f"product id {product_id:#05x}"

    def prepare(self, image: Image) -> Image:
        self._pages.check(image, self._target.name)
        return image

    def start(self, image: Image) -> None:
        """Through reset where it is wired, which starts it as power-on does; else by the ROM's Go."""
        if self._working_wiring is not None and self._lines is not None:
            self._working_wiring.start_application(self._lines)
        else:
            self._protocol.go(image.address)

    def _flash(self) -> PagedFlash:
        return PagedFlash(self._protocol, self._pages, self._erase_pages)

    def _erase_everything(self) -> None:
        if EXTENDED_ERASE in self._commands:
            self._protocol.erase_all()
        else:
            self._protocol.erase_all_classic()

    def _erase_pages(self, pages: Sequence[int]) -> None:
        if EXTENDED_ERASE in self._commands:
            self._protocol.erase(pages)
        elif ERASE in self._commands and max(pages) < _CLASSIC_PAGES:
            self._protocol.erase_classic(pages)
        else:
            raise DeviceError(f"{self.name} has no command to erase page {max(pages)}", hint="try --erase")

    def _call(self) -> None:
        if not self._answers() and (self._lines is None or not self._called_through(self._lines)):
            raise self._unreachable()

    def _called_through(self, lines: ControlLines) -> bool:
        """Try each wiring; the one that leads to an answer is kept for the start."""
        for wiring in self._wirings:
            wiring.start_loader(lines)
            if self._answers():
                self._working_wiring = wiring
                return True
        return False

    def _unreachable(self) -> DeviceError:
        listens = f"; it listens on {self._profile.uart}, {self._profile.pins}" if self._profile.uart else ""
        note = f". {self._profile.note}" if self._profile.note else ""
        return DeviceError(
            f"no STM32 ROM bootloader answers on {self._link.name}{listens}{note}",
            hint="set BOOT0 high, press reset and run this again; check that TX and RX are crossed and 8E1 is possible",
        )


def _open(target: Target, profile: Loader, request: LoaderRequest, port: str) -> Stm32Rom:
    link = SerialLink(port, request.baud or DEFAULT_BAUD, Parity.EVEN)  # the ROM detects the rate, up to 115200
    link.open()
    return Stm32Rom(link, target, profile, link, wirings(request.wiring))


LOADER = LoaderKind("stm32-rom", devices=(Kind.SERIAL,), takes=is_serial_port, open=_open)
