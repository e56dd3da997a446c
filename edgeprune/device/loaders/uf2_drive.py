"""Boards that show up as a USB drive and take UF2 files (RP2040, RP2350 and others in their bootloader)."""

from __future__ import annotations

import re
import string
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from edgeprune.device.found import Ability, FoundDevice, Kind
from edgeprune.device.image.segments import Image
from edgeprune.device.image.uf2 import uf2_file
from edgeprune.device.loaders.kind import LoaderKind
from edgeprune.device.loaders.pages import check_flash
from edgeprune.errors import DeviceError, UsageError
from edgeprune.progress import Progress

if TYPE_CHECKING:
    from edgeprune.hardware.profile import Loader, Target

INFO_FILE = "INFO_UF2.TXT"
_INFO_LIMIT_BYTES = 4096
_GONE_S = 20.0
_CHUNK_BYTES = 16 * 512


def uf2_drives() -> list[FoundDevice]:
    """Drives that hold an INFO_UF2.TXT."""
    return [drive for root in _mounted() if (drive := _described(root)) is not None]


def drive_info(text: str) -> dict[str, str]:
    """`Key: value` lines of INFO_UF2.TXT; what is no such line is passed over."""
    lines = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, colon, value in lines if colon}


class Uf2Drive:
    """Loader for a mounted drive; the board takes the file as it is copied and restarts when it has all of it.

    Args:
        root: where the drive is mounted.
        target: its first flash region is what may be written.
        profile: its `board_id` is what the drive must state, its `family_id` goes into every block.
    """

    def __init__(self, root: Path, target: Target, profile: Loader):
        self.name = f"UF2 drive {root}"
        self._root = root
        self._target = target
        self._profile = profile

    def connect(self) -> str:
        """Raises DeviceError when the drive is gone or another board's, UsageError when the profile names no family."""
        if self._profile.family_id is None:
            raise UsageError(f"the profile of {self._target.name} names no UF2 family_id")
        info = drive_info(_info_text(self._root))
        if info.get("Board-ID") != self._profile.board_id:
            raise DeviceError(
                f"the board on {self._root} is '{info.get('Board-ID', 'unnamed')}' by its {INFO_FILE}, "
                f"{self._target.name} is '{self._profile.board_id}'",
                hint="choose the target that is connected: --target",
            )
        return " ".join(info.values())

    def prepare(self, image: Image) -> Image:
        check_flash(image, self._target)
        return image

    def erase(self, image: Image, progress: Progress) -> None:
        """The board erases what it is about to write."""

    def erase_all(self, progress: Progress) -> None:
        raise UsageError(
            f"{self.name} cannot erase everything", hint="copy the maker's flash_nuke.uf2 to it, then flash again"
        )

    def write(self, image: Image, progress: Progress) -> None:
        """Copy the image block by block, flushed to the board.

        Raises:
            DeviceError: the drive vanished before all was copied.
        """
        if self._profile.family_id is None:
            raise UsageError(f"the profile of {self._target.name} names no UF2 family_id")
        data = uf2_file(image, self._profile.family_id)
        written = 0
        try:
            with progress.task("copying", len(data)) as task, (self._root / "edgeprune.uf2").open("wb", 0) as stream:
                while written < len(data):
                    written += stream.write(data[written : written + _CHUNK_BYTES])
                    task.advance(min(_CHUNK_BYTES, len(data)))
        except OSError as error:
            # The board takes the last block and leaves; the system may call that an error of the last write or close.
            if written < len(data):
                raise DeviceError(
                    f"{self.name} vanished after {written:,} of {len(data):,} B: {error.strerror}",
                    hint="hold BOOTSEL while plugging the board in, and flash again",
                ) from error

    def verify(self, image: Image, progress: Progress) -> None:
        """The board restarts only when it has every block; the drive going away is its answer.

        Raises:
            DeviceError: it stayed.
        """
        self._wait_until_gone()

    def start(self, image: Image) -> None:
        """It restarts by itself, and is not said to have before it has. Raises DeviceError: it stayed."""
        self._wait_until_gone()

    def close(self) -> None:
        pass

    def _wait_until_gone(self) -> None:
        deadline_s = time.monotonic() + _GONE_S
        while (self._root / INFO_FILE).exists():
            if time.monotonic() > deadline_s:
                raise DeviceError(
                    f"{self.name} is still there {_GONE_S:.0f} s after the copy: the board has not taken the image",
                    hint="is the image for this chip? Its UF2 family must be the one the board's ROM takes",
                )
            time.sleep(0.1)


def _described(root: Path) -> FoundDevice | None:
    try:
        info = drive_info(_info_text(root))
    except DeviceError:
        return None
    title = info.get("Model") or info.get("Board-ID") or "UF2 bootloader"
    return FoundDevice(Kind.UF2, str(root), title, abilities=(Ability.FLASH,), note=info.get("Board-ID"))


def _info_text(root: Path) -> str:
    try:
        with (root / INFO_FILE).open("rb") as stream:
            return stream.read(_INFO_LIMIT_BYTES).decode("utf-8", errors="replace")
    except OSError as error:
        raise DeviceError(f"{root} is no UF2 drive: {error.strerror}", hint="`edgeprune devices` lists them") from None


def _mounted() -> list[Path]:
    """Places where such a drive can be."""
    if sys.platform == "win32":
        return [Path(f"{letter}:/") for letter in string.ascii_uppercase if Path(f"{letter}:/{INFO_FILE}").exists()]
    if sys.platform == "darwin":
        return sorted(path for path in Path("/Volumes").glob("*") if path.is_dir())
    try:
        mounts = Path("/proc/mounts").read_text()
    except OSError:
        return []
    fields = (line.split() for line in mounts.splitlines())
    return [Path(_unescaped(words[1])) for words in fields if len(words) > 2 and words[2] in ("vfat", "msdos")]


def _unescaped(text: str) -> str:
    """/proc/mounts writes a space as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


LOADER = LoaderKind(
    "uf2",
    devices=(Kind.UF2,),
    takes=lambda port: Path(port).is_dir(),
    open=lambda target, profile, _wish, port: Uf2Drive(Path(port), target, profile),
)
