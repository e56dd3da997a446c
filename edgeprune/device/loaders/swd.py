"""Debug probes: recognized by their USB ids, driven by pyOCD where that is installed (`pip install edgeprune[swd]`)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprune.device.found import Ability, FoundDevice, Kind
from edgeprune.device.image.segments import Image
from edgeprune.device.links.serial_link import is_serial_port
from edgeprune.device.loaders.kind import LoaderKind
from edgeprune.device.loaders.pages import check_flash
from edgeprune.errors import DeviceError, VerificationError
from edgeprune.hardware.cores import CORES
from edgeprune.progress import Progress

if TYPE_CHECKING:
    from edgeprune.hardware.profile import Loader, Target

_USB_DEVICES = Path("/sys/bus/usb/devices")
# CMSIS-DAP requires its name in the product string; the others are what ST and SEGGER call theirs.
_PROBE_NAMES = ("cmsis-dap", "stlink", "st-link", "j-link")
# CPUID, bits 15:4 PARTNO (Armv7-M ARM B3.2.3).
_CPUID, _PART_SHIFT, _PART_MASK = 0xE000_ED00, 4, 0xFFF
_INSTALL = "pip install edgeprune[swd]"


def debug_probes(usb_devices: Path = _USB_DEVICES) -> list[FoundDevice]:
    """Probes on USB, as Linux lists them; elsewhere they show as the serial ports they also are.

    pyOCD itself is not used: importing it takes longer than listing everything else.
    """
    can_flash = importlib.util.find_spec("pyocd") is not None
    probes = []
    for device in sorted(usb_devices.glob("*")):
        product, serial = _attribute(device / "product"), _attribute(device / "serial")
        if not any(name in product.lower() for name in _PROBE_NAMES):
            continue
        note = None if can_flash else f"flashing through it needs pyOCD: {_INSTALL}"
        abilities = (Ability.FLASH,) if can_flash else ()
        probes.append(FoundDevice(Kind.SWD, serial or device.name, product, abilities=abilities, note=note))
    return probes


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
            DeviceError: pyOCD is not installed, no probe, several and none chosen, no chip answers, or one with another
                core than the target's.
        """
        try:
            from pyocd.core.exceptions import Error, TargetSupportError
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
        except TargetSupportError as error:
            raise self._unknown_chip() from error
        except (Error, ValueError, OSError) as error:
            raise DeviceError(
                f"{self.name} does not reach {self._target.name}: {error}",
                hint="check SWDIO, SWCLK, ground and supply; only one program may use a probe",
            ) from error
        self._check_core()
        return f"{self._session.probe.description}, chip {self._profile.swd_target}"

    def prepare(self, image: Image) -> Image:
        check_flash(image, self._target)
        return image

    def erase(self, image: Image, progress: Progress) -> None:
        """pyOCD erases the sectors it programs."""

    def erase_all(self, progress: Progress) -> None:
        from pyocd.flash.eraser import FlashEraser

        with progress.task("erasing", 1) as task:
            self._translated(lambda: FlashEraser(self._session, FlashEraser.Mode.CHIP).erase())
            task.advance()

    def write(self, image: Image, progress: Progress) -> None:
        from pyocd.flash.loader import FlashLoader

        with progress.task("writing", len(image.segments)) as task:
            loader = FlashLoader(self._session, chip_erase="sector")
            for segment in image.segments:
                self._translated(lambda segment=segment: loader.add_data(segment.address, segment.content))
                task.advance()
            self._translated(loader.commit)

    def verify(self, image: Image, progress: Progress) -> None:
        """Read back and compare."""
        with progress.task("verifying", len(image.segments)) as task:
            for segment in image.segments:
                read = self._translated(
                    lambda segment=segment: bytes(
                        self._session.target.read_memory_block8(segment.address, len(segment.content))
                    )
                )
                if read != segment.content:
                    first = next(i for i, (a, b) in enumerate(zip(read, segment.content, strict=True)) if a != b)
                    raise VerificationError(
                        f"flash differs from the image at {segment.address + first:#010x}",
                        hint="flash again with --erase; check the supply",
                    )
                task.advance()

    def start(self, image: Image) -> None:
        self._translated(self._session.target.reset)

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _unknown_chip(self) -> DeviceError:
        chip, pack = self._profile.swd_target, self._profile.pack
        brought = f"which the CMSIS pack {pack} brings" if pack else "and the target names no CMSIS pack of it"
        return DeviceError(
            f"pyOCD does not know the chip {chip}, {brought}",
            hint=f"{sys.executable} -m pyocd pack install {chip}; offline, `pack: FILE.pack` in a file pyocd.yaml here",
        )

    def _check_core(self) -> None:
        """pyOCD does not compare `swd_target` with the chip: CPUID does."""
        core = CORES.get(self._target.cpu.core)
        part = self._translated(lambda: self._session.target.read32(_CPUID)) >> _PART_SHIFT & _PART_MASK
        if core is not None and part != core.part:
            known = [name for name, other in CORES.items() if other.part == part]
            raise DeviceError(
                f"the chip behind {self.name} has {known[0] if known else f'core part {part:#05x}'}, "
                f"{self._target.name} has {self._target.cpu.core}",
                hint="choose the target that is connected: --target",
            )

    def _translated(self, action: Any) -> Any:
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


LOADER = LoaderKind(
    "swd",
    devices=(Kind.SWD,),
    takes=lambda port: not is_serial_port(port) and not Path(port).is_dir(),
    open=lambda target, profile, _wish, port: SwdProbe(target, profile, port),
)
