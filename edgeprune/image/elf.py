"""Linked ELF file -> `Image`: what the linker placed in program memory, at its load addresses."""

from __future__ import annotations

import io

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

from edgeprune.errors import UsageError
from edgeprune.image.segments import Image, Segment, image_of

_ARM_MACHINES = ("EM_ARM",)
_MAX_TEXT_BYTES = 256
# What pyelftools lets out when a file's own numbers contradict each other.
_DAMAGED = (ELFError, ConstructError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, UsageError)


def parse_elf(data: bytes, name: str) -> Image:
    """All loadable bytes; what is only cleared at start-up (.bss) is not part of it.

    Args:
        name: what error messages call the file.

    Raises:
        UsageError: damaged, not linked, or for another processor.
    """
    try:
        elf = ELFFile(io.BytesIO(data))
        machine = elf["e_machine"]
        segments = [
            Segment(segment["p_paddr"], _content(segment, data))
            for segment in elf.iter_segments()
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"] > 0
        ]
    except _DAMAGED as error:
        raise UsageError(f"{name} is a damaged ELF file: {error}") from error
    if machine not in _ARM_MACHINES:
        raise UsageError(f"{name} is for {machine}, not for Arm", hint="build it with an arm-none-eabi compiler")
    return image_of(segments, name)


def elf_text(data: bytes, symbol: str) -> str | None:
    """The zero-ended text a symbol of the image names (`ep_build_id`, `ep_model_target`); None when it has no such."""
    try:
        table = ELFFile(io.BytesIO(data)).get_section_by_name(".symtab")
        found = table.get_symbol_by_name(symbol) if table else None
        if not found:
            return None
        window = parse_elf(data, symbol).read(found[0]["st_value"], min(found[0]["st_size"], _MAX_TEXT_BYTES))
        return window.split(b"\0")[0].decode("ascii")
    except _DAMAGED:
        return None


def _content(segment: object, data: bytes) -> bytes:
    offset, size_bytes = segment["p_offset"], segment["p_filesz"]  # type: ignore[index]
    if offset + size_bytes > len(data):
        raise ValueError(f"a segment ends at byte {offset + size_bytes:,} of {len(data):,}")
    return data[offset : offset + size_bytes]
