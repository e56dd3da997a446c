"""Debug probes: found by their USB ids, driven by pyOCD where that is installed (`pip install edgeprune[swd]`)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprune.device.found import Ability, FoundDevice, Kind
from edgeprune.device.pages import PageMap
from edgeprune.errors import DeviceError, VerificationError
from edgeprune.image.segments import Image
from edgeprune.progress import Progress

if TYPE_CHECKING:
    from edgeprune.target.profile import Loader, Target

_USB_DEVICES = Path("/sys/bus/usb/devices")
# CMSIS-DAP asks for its name in the product string; the others are what ST and SEGGER call theirs.
_PROBE_NAMES = ("cmsis-dap", "stlink", "st-link", "j-link")
_INSTALL = "pip install edgeprune[swd]"


def debug_probes(usb_devices: Path = _USB_DEVICES) -> list[FoundDevice]:
    """Probes on USB, as Linux lists them; elsewhere they show as the serial ports they also are.

    pyOCD itself is not asked: importing it takes longer than listing everything else.
    """
    can_flash = importlib.util.find_spec("pyocd") is not None
    found = []
    for device in sorted(usb_devices.glob("*")):
        product, serial = _attribute(device / "product"), _attribute(device / "serial")
        if not any(name in product.lower() for name in _PROBE_NAMES):
            continue
        note = None if can_flash else f"flashing through it needs pyOCD: {_INSTALL}"
        abilities = (Ability.FLASH,) if can_flash else ()
        found.append(FoundDevice(Kind.SWD, serial or device.name, product, abilities=abilities, note=note))
    return found


class SwdProbe:
    """Loader through a probe, by pyOCD.

    Args:
        target: what is connected.
        profile: its `swd_target` is pyOCD's name of the chip.
        probe: serial number; None when there is only one.
    """

    def __init__(self, target: Target, profile: Loader, probe: str | None = None):
        self.name = "SWD probe" + (f" {probe}" if probe else "")
        self._target = target
        self._profile = profile
        self._probe = probe
        self._session: Any = None

    def connect(self) -> str:
        """Open the probe and halt the chip.

        Raises:
            DeviceError: pyOCD is not installed, no probe, several and none chosen, or no chip answers.
        """
        try:
            from pyocd.core.exceptions import Error
            from pyocd.core.helpers import ConnectHelper
            from pyocd.probe.aggregator import DebugProbeAggregator
        except ImportError as error:
            raise DeviceError("flashing over SWD needs pyOCD, which is not installed", hint=_INSTALL) from error
        try:
            probes = DebugProbeAggregator.get_all_connected_probes(unique_id=self._probe)
            if len(probes) != 1:
                raise self._not_one([probe.unique_id for probe in probes])
            options = {"target_override": self._profile.swd_target, "hide_programming_progress": True}
            self._session = ConnectHelper.session_with_chosen_probe(
                unique_id=probes[0].unique_id, options=options, blocking=False
            )
            self._session.open()
        except (Error, ValueError, OSError) as error:
            raise DeviceError(
                f"{self.name} does not reach {self._target.name}: {error}",
                hint="check SWDIO, SWCLK, ground and supply; only one program may use a probe",
            ) from error
        return f"{self._session.probe.description}, chip {self._profile.swd_target}"

    def prepare(self, image: Image) -> Image:
        region = self._target.region("flash")
        PageMap(region.origin, (region.size_bytes,)).check(image, self._target.name)
        return image

    def erase(self, image: Image, progress: Progress) -> None:
        """pyOCD erases the sectors it programs."""

    def erase_all(self, progress: Progress) -> None:
        from pyocd.flash.eraser import FlashEraser

        with progress.task("erasing", 1) as task:
            self._asked(lambda: FlashEraser(self._session, FlashEraser.Mode.CHIP).erase())
            task.advance()

    def write(self, image: Image, progress: Progress) -> None:
        from pyocd.flash.loader import FlashLoader

        with progress.task("writing", len(image.segments)) as task:
            loader = FlashLoader(self._session, chip_erase="sector")
            for segment in image.segments:
                self._asked(lambda segment=segment: loader.add_data(segment.address, segment.content))
                task.advance()
            self._asked(loader.commit)

    def verify(self, image: Image, progress: Progress) -> None:
        """Read back and compare."""
        with progress.task("verifying", len(image.segments)) as task:
            for segment in image.segments:
                found = self._asked(
                    lambda segment=segment: bytes(
                        self._session.target.read_memory_block8(segment.address, len(segment.content))
                    )
                )
                if found != segment.content:
                    first = next(i for i, (a, b) in enumerate(zip(found, segment.content, strict=True)) if a != b)
                    raise VerificationError(
                        f"flash differs from the image at {segment.address + first:#010x}",
                        hint="flash again with --erase; check the supply",
                    )
                task.advance()

    def start(self, image: Image) -> None:
        self._asked(self._session.target.reset)

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _asked(self, action: Any) -> Any:
        """`action`, its pyOCD errors as ours."""
        from pyocd.core.exceptions import Error

        try:
            return action()
        except Error as error:
            raise DeviceError(f"{self.name}: {error}", hint="check the probe's cable and the board's supply") from error

    def _not_one(self, serials: list[str]) -> DeviceError:
        if not serials:
            return DeviceError("no debug probe is connected", hint="plug it in; on Linux its udev rule may be missing")
        return DeviceError(
            f"{len(serials)} debug probes are connected: {', '.join(serials)}", hint="choose one with --port SERIAL"
        )


def _attribute(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
