"""What the user wants flashed: a file or a run's folder, the target it is for, the build it will say it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeprune.errors import UsageError
from edgeprune.image.elf import elf_text
from edgeprune.image.read import read_image
from edgeprune.image.segments import Image
from edgeprune.target.profile import Target
from edgeprune.target.registry import load_target, target_names

_RUN_IMAGES = ("firmware.elf", "firmware/firmware.elf")


@dataclass(frozen=True)
class LoadedImage:
    """build_id: what EdgePrune's firmware answers; None where the file does not tell."""

    image: Image
    target: Target
    build_id: str | None


def load_image(path: Path, target: Target | None, address: int | None) -> LoadedImage:
    """Read it and settle which target it is for.

    Args:
        path: elf, hex, uf2, bin, or a folder with `firmware.elf` in it.
        target: as the user chose; None: as the image's own symbols say.
        address: where a plain binary goes; None: where the target's images start.

    Raises:
        UsageError: no image there, no target known, or the image is for another one.
    """
    path = find_image(path)
    data = path.read_bytes() if path.suffix != ".bin" else b""
    named = elf_text(data, "ep_model_target") if data.startswith(b"\x7fELF") else None
    if target is None:
        if named is None or named not in target_names():
            raise UsageError(
                f"{path.name} does not say which target it is for", hint="name it: --target or EDGEPRUNE_TARGET"
            )
        target = load_target(named)
    elif named is not None and named != target.name:
        raise UsageError(
            f"{path.name} was built for {named}, the target is {target.name}", hint="build it for this target"
        )
    build_id = elf_text(data, "ep_build_id") if named is not None else None
    return LoadedImage(read_image(path, _start(target) if address is None else address), target, build_id)


def find_image(path: Path) -> Path:
    """`path`, or the firmware in the run's folder it is. Raises UsageError when that holds none."""
    if not path.is_dir():
        return path
    for name in _RUN_IMAGES:
        if (path / name).is_file():
            return path / name
    raise UsageError(f"{path} holds no {' or '.join(_RUN_IMAGES)}", hint="name an image, or a run that was built")


def _start(target: Target) -> int:
    """Where a plain binary goes: a slot's header or payload starts there alike."""
    return target.boot.payload_origin if target.boot else target.region("flash").origin
