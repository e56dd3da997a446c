"""An image file of any kind -> `Image`; the content decides what kind it is, never the file's name."""

from __future__ import annotations

from pathlib import Path

from edgeprune.device.image.elf import parse_elf
from edgeprune.device.image.intel_hex import parse_intel_hex
from edgeprune.device.image.segments import MAX_BYTES, Image, Segment, image_of
from edgeprune.device.image.uf2 import is_uf2, parse_uf2
from edgeprune.errors import UsageError

_MAX_FILE_BYTES = 4 * MAX_BYTES  # an ELF file with its debugging information


def read_image(path: Path, binary_address: int, uf2_family_id: int | None = None) -> Image:
    """The image in an ELF, Intel HEX, UF2 or plain binary file.

    Args:
        binary_address: where a plain binary file goes, which holds no address.
        uf2_family_id: which chip's blocks of a UF2 file are meant.

    Raises:
        UsageError: missing, too large, or not of the kind it begins as.
    """
    return parse_image(image_bytes(path), path.name, binary_address, uf2_family_id)


def image_bytes(path: Path) -> bytes:
    """The file's bytes. Raises UsageError: missing, or too large to be an image."""
    try:
        size_bytes = path.stat().st_size
        if size_bytes > _MAX_FILE_BYTES:
            raise UsageError(
                f"{path} has {size_bytes:,} B; image files have at most {_MAX_FILE_BYTES:,} B",
                hint="name an elf, bin, hex or uf2 file",
            )
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="name an elf, bin, hex or uf2 file") from None


def has_addresses(data: bytes) -> bool:
    """Whether the file states where its bytes go: all kinds but a plain binary."""
    return data.startswith(b"\x7fELF") or is_uf2(data) or _is_intel_hex(data)


def parse_image(data: bytes, name: str, binary_address: int, uf2_family_id: int | None = None) -> Image:
    """The same from the file's bytes; `name` is only named in errors."""
    if data.startswith(b"\x7fELF"):
        return parse_elf(data, name)
    if is_uf2(data):
        return parse_uf2(data, name, uf2_family_id)
    if _is_intel_hex(data):
        return parse_intel_hex(data, name)
    return image_of([Segment(binary_address, data)], name)


def _is_intel_hex(data: bytes) -> bool:
    return data.lstrip()[:1] == b":" and data.isascii()
