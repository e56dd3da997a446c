"""The image to write: a file or a run's folder, the target it is for, the build it will identify as."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeprune.device.image.application import MAGIC
from edgeprune.device.image.elf import elf_text
from edgeprune.device.image.read import has_addresses, image_bytes, parse_image
from edgeprune.device.image.segments import Image
from edgeprune.device.loaders.agreement import check_elf, check_header, check_vectors, touches_start
from edgeprune.errors import UsageError
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target, target_names

_RUN_IMAGES = ("firmware.elf", "firmware/firmware.elf")
_ELF = b"\x7fELF"


@dataclass(frozen=True)
class LoadedImage:
    """build_id: what EdgePrune's firmware answers; None where the file does not name it."""

    image: Image
    target: Target
    build_id: str | None


def load_image(path: Path, target: Target | None, address: int | None) -> LoadedImage:
    """Read it, determine its target, and check that the two agree.

    Args:
        path: elf, hex, uf2, bin, or a folder with `firmware.elf` in it.
        target: as the user chose; None: from the image's own symbols.
        address: where a plain binary goes; None: where the target's images start.

    Raises:
        UsageError: no image there, no target known, the image is for another one, or it states its own addresses and
            `address` is another's.
    """
    path = find_image(path)
    data = image_bytes(path)
    is_elf = data.startswith(_ELF)
    if address is not None and has_addresses(data):
        raise UsageError(
            f"{path.name} states its own addresses; {address:#010x} was asked for",
            hint="leave --address away: it is for plain binaries (.bin)",
        )
    named = elf_text(data, "ep_model_target") if is_elf else None
    if target is None:
        if named is None or named not in target_names():
            raise UsageError(f"{path.name} does not name its target", hint="name it: --target or EDGEPRUNE_TARGET")
        target = load_target(named)
    image = parse_image(data, path.name, _start(data, target) if address is None else address, target.uf2_family_id)
    if is_elf:
        check_elf(data, target, path.name)
    check_header(image, target, path.name)
    if touches_start(image, target):
        check_vectors(image, target, path.name)
    return LoadedImage(image, target, elf_text(data, "ep_build_id") if named is not None else None)


def find_image(path: Path) -> Path:
    """`path`, or the firmware in the run's folder it is. Raises UsageError when that holds none."""
    if not path.is_dir():
        return path
    for name in _RUN_IMAGES:
        if (path / name).is_file():
            return path / name
    raise UsageError(f"{path} holds no {' or '.join(_RUN_IMAGES)}", hint="name an image, or a run that was built")


def _start(data: bytes, target: Target) -> int:
    """Where a plain binary goes: a packed one to the slot, any other to where the target's images start."""
    if target.boot is None:
        return target.region("flash").origin
    return target.boot.slot_origin if data.startswith(MAGIC) else target.boot.payload_origin
