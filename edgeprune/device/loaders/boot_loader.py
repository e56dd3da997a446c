"""EdgePrune's own bootloader (firmware/boot, docs/boot.md) from the host's side."""

from __future__ import annotations

import time
from collections.abc import Callable

from edgeprune.device.found import Kind
from edgeprune.device.image.application import MAGIC, Application, make_application, read_application
from edgeprune.device.image.segments import Image, Segment
from edgeprune.device.links.line_reader import Damaged, NoAnswer, Refused
from edgeprune.device.links.link import Link
from edgeprune.device.links.serial_link import Parity, SerialLink, is_serial_port
from edgeprune.device.links.wiring import wirings
from edgeprune.device.loaders.an3155 import Timing
from edgeprune.device.loaders.boot_info import (
    INFO_ADDRESS,
    INFO_BYTES,
    VERDICT_WORDS,
    BootInfo,
    State,
    Verdict,
    boot_info,
)
from edgeprune.device.loaders.kind import LoaderKind, LoaderRequest
from edgeprune.device.loaders.paged_loader import PagedLoader
from edgeprune.device.loaders.pages import PagedFlash, PageMap
from edgeprune.errors import DeviceError, DoesNotFit, UsageError, VerificationError
from edgeprune.hardware.profile import Loader, Target
from edgeprune.progress import Progress

_ATTEMPTS = 4
# Our loader reads ahead, so a whole command goes out at once.
_PARTS_AHEAD = 3
# An application may have work to finish before it starts the loader.
_WAKING = 5
_WAKE_S = 0.2
_UNSIGNED = "takes unsigned images, from whoever reaches this port"


class BootLoader(PagedLoader):
    """Loader for boards that carry firmware/boot.

    Args:
        link: opened by the caller, closed by `close`.
        target: name of the board that is meant; another one's loader is refused.
        secret_key: signs images that come without a header or signature.
        wake: starts the loader through the running application or a reset; called once when it does not answer.
        timing: what to wait.
    """

    def __init__(
        self,
        link: Link,
        target: str,
        secret_key: bytes | None = None,
        wake: Callable[[], None] | None = None,
        timing: Timing = Timing(),  # noqa: B008
    ):
        super().__init__(f"EdgePrune bootloader on {link.name}", link, timing, _PARTS_AHEAD)
        self._target = target
        self._secret_key = secret_key
        self._wake = wake
        self._info: BootInfo | None = None

    def connect(self) -> str:
        self._call()
        info = self.info()
        if info.target != self._target:
            raise DeviceError(
                f"the board on {self._link.name} is {info.target} by its bootloader, not {self._target}",
                hint="choose the target that is connected: --target",
            )
        running = info.running
        state = f"runs version {running.version}" if running.verdict is Verdict.GOOD else "runs nothing"
        if info.state is State.TRIAL:
            state += ", which has not answered yet"
        signed = "signed images only" if info.public_key else _UNSIGNED
        if info.minimum_version is not None:
            signed += f", version {info.minimum_version} and newer"
        return f"{info.target}, {info.slots} slot{'s' if info.slots > 1 else ''}, {state}; {signed}"

    def info(self) -> BootInfo:
        """The loader's present record; it hashes its slots for that."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._read_info()
            except Damaged:
                continue
        return self._read_info()

    def prepare(self, image: Image) -> Image:
        """The image with a header; checked against the board's record."""
        info = self._known()
        application = self._application(image, info)
        content = application.content
        if len(content) > info.slot_bytes:
            raise DoesNotFit(
                f"the image has {len(content):,} B with its header, a slot of {info.target} {info.slot_bytes:,} B",
                hint="thin the model further (`edgeprune fit`)",
            )
        if application.load_address != info.slot_origin or application.header_bytes != info.header_bytes:
            raise UsageError(
                f"the image is for address {application.load_address:#010x} (header {application.header_bytes} B), "
                f"{info.target} runs images at {info.slot_origin:#010x} (header {info.header_bytes} B)",
                hint="build it for the target that is connected: --target",
            )
        if application.target != info.target:
            raise UsageError(
                f"the image is for {application.target}, the board is {info.target}",
                hint="build it for the target that is connected: --target",
            )
        self._check_signature(application, info)
        if info.minimum_version is not None and application.version < info.minimum_version:
            raise UsageError(
                f"the image is version {application.version}, {info.target} runs {info.minimum_version} and newer",
                hint="give it a newer version: `edgeprune boot pack --version N --key FILE`",
            )
        return Image((Segment(info.slot_origin, content),))

    def verify(self, image: Image, progress: Progress) -> None:
        """The loader's own verdict and digest; only when they are not as they should be, all is read back."""
        expected = read_application(image.segments[0].content, "the image").digest
        if not self._holds(expected):
            super().verify(image, progress)
            if not self._holds(expected):
                words = VERDICT_WORDS[self.info().written.verdict]
                raise VerificationError(
                    f"the board does not take the image it holds: {words}", hint="flash it again, with a lower --baud"
                )

    def start(self, image: Image) -> None:
        """Hand the image to the loader, which checks it once more, swaps it in and starts it on trial.

        Where the answer is lost and the loader no longer answers, the image has been started; the caller confirms it.

        Raises:
            DeviceError: the loader finds fault with the image, or starts nothing.
        """
        for _ in range(_ATTEMPTS):
            try:
                return self._protocol.go(image.address)
            except Refused:
                if (verdict := self.info().written.verdict) is not Verdict.GOOD:
                    words = VERDICT_WORDS[verdict]
                    raise DeviceError(f"{self.name} does not start the image: {words}", hint="flash it again") from None
            except (NoAnswer, Damaged):
                if not self._answers():
                    return None
        raise DeviceError(f"{self.name} does not start the image", hint="check the cable, or lower --baud")

    def _call(self) -> None:
        if self._answers():
            return
        if self._wake is not None:
            self._wake()
        try:
            self._protocol.call(_WAKING * self._timing.call_s)
        except NoAnswer:
            raise DeviceError(
                f"no EdgePrune bootloader answers on {self._link.name}",
                hint="press reset and run this again at once; if there is no loader, write it with a probe",
            ) from None

    def _erase_everything(self) -> None:
        self._protocol.erase_all()

    def _read_info(self) -> BootInfo:
        self._info = boot_info(self._protocol.read(INFO_ADDRESS, INFO_BYTES))
        return self._info

    def _known(self) -> BootInfo:
        return self._info or self.info()

    def _holds(self, digest: bytes) -> bool:
        written = self.info().written
        return written.verdict is Verdict.GOOD and written.digest == digest

    def _flash(self) -> PagedFlash:
        info = self._known()
        pages = PageMap(info.slot_origin, (info.page_bytes,) * (info.slot_bytes // info.page_bytes))
        return PagedFlash(self._protocol, pages, self._protocol.erase)

    def _application(self, image: Image, info: BootInfo) -> Application:
        """`image` if it has a header, else with one."""
        segment = image.flat()
        if segment.content.startswith(MAGIC):
            return read_application(segment.content, "the image")
        payload_origin = info.slot_origin + info.header_bytes
        if segment.address != payload_origin:
            raise UsageError(
                f"the image is linked to {segment.address:#010x}; behind the bootloader of {info.target} "
                f"images start at {payload_origin:#010x}",
                hint="build it for a target with a [boot] table (docs/boot.md)",
            )
        made = make_application(segment, info.header_bytes, info.target, secret_key=self._secret_key)
        return read_application(made.content, "the image")

    def _check_signature(self, application: Application, info: BootInfo) -> None:
        if info.public_key is None:
            return
        if not application.is_signed:
            raise UsageError(
                f"{info.target} runs signed images only, this one is not signed", hint="sign it: --key FILE"
            )
        if not application.signed_by(info.public_key):
            raise UsageError(
                f"the image is not signed by the key {info.target} trusts ({info.public_key.hex()[:16]}...)",
                hint="sign it with that key: --key FILE",
            )


def _open(target: Target, _profile: Loader, request: LoaderRequest, port: str) -> BootLoader:
    link = SerialLink(port, request.baud or target.baud, Parity.EVEN)
    link.open()
    return BootLoader(link, target.name, request.secret_key, lambda: _wake_loader(link, request.wiring))


def _wake_loader(link: SerialLink, wiring: str) -> None:
    """Have the running application start the loader, at its own framing, and reset the board where that is wired."""
    link.set_parity(Parity.NONE)
    link.write(b"%ep loader%")
    time.sleep(_WAKE_S)
    link.set_parity(Parity.EVEN)
    for wired in wirings(wiring):
        wired.start_application(link)


LOADER = LoaderKind("edgeprune-boot", devices=(Kind.SERIAL, Kind.EMULATOR), takes=is_serial_port, open=_open)
