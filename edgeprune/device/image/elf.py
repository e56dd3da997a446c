"""Linked ELF file -> `Image`: what the linker placed in program memory, at its load addresses."""

from __future__ import annotations

import io
from dataclasses import dataclass

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

from edgeprune.device.image.segments import Image, Segment, image_of
from edgeprune.errors import UsageError

_ARM_MACHINES = ("EM_ARM",)
_MAX_TEXT_BYTES = 256
# What pyelftools lets out when a file's own numbers contradict each other.
_DAMAGED = (ELFError, ConstructError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, UsageError)


@dataclass(frozen=True)
class ElfProcessor:
    """What an ELF file's build attributes ask of the core.

    Attributes:
        architecture: Tag_CPU_arch (`hardware/cores.py`).
        profile: "M" for microcontrollers, "A" and "R" for others, "" where none is named.
        uses_fpu: arguments in floating-point registers.
    """

    architecture: int
    profile: str
    uses_fpu: bool


def parse_elf(data: bytes, name: str) -> Image:
    """All loadable bytes; what is only cleared at start-up (.bss) is not part of it.

    Args:
        name: the file's, in error messages.

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
        raise UsageError(f"{name} is a damaged ELF file: {error}", hint="link or copy it again") from error
    if machine not in _ARM_MACHINES:
        raise UsageError(f"{name} is for {machine}, not for Arm", hint="build it with an arm-none-eabi compiler")
    return image_of(segments, name)


def elf_text(data: bytes, symbol: str) -> str | None:
    """The zero-ended text a symbol of the image names (`ep_build_id`, `ep_model_target`); None when it has no such."""
    try:
        table = ELFFile(io.BytesIO(data)).get_section_by_name(".symtab")
        symbols = table.get_symbol_by_name(symbol) if table else None
        if not symbols:
            return None
        window = parse_elf(data, symbol).read(symbols[0]["st_value"], min(symbols[0]["st_size"], _MAX_TEXT_BYTES))
        return window.split(b"\0")[0].decode("ascii")
    except _DAMAGED:
        return None


def elf_symbols(data: bytes) -> dict[str, tuple[int, int]]:
    """Name -> (address, bytes) of the functions and arrays of an image; of equal names the last. Empty when damaged."""
    try:
        table = ELFFile(io.BytesIO(data)).get_section_by_name(".symtab")
        return {one.name: (one["st_value"], one["st_size"]) for one in (table.iter_symbols() if table else ())}
    except _DAMAGED:
        return {}


def elf_processor(data: bytes) -> ElfProcessor | None:
    """The core the file was built for; None where it has no build attributes."""
    try:
        section = ELFFile(io.BytesIO(data)).get_section_by_name(".ARM.attributes")
        if section is None:
            return None
        tags = {
            attribute.tag: attribute.value
            for subsection in section.iter_subsections()
            for part in subsection.iter_subsubsections()
            for attribute in part.iter_attributes()
        }
        profile = int(tags.get("TAG_CPU_ARCH_PROFILE", 0))
        uses_fpu = tags.get("TAG_ABI_VFP_ARGS", 0) == 1
        return ElfProcessor(int(tags.get("TAG_CPU_ARCH", 0)), chr(profile) if profile else "", uses_fpu)
    except _DAMAGED as error:
        raise UsageError(
            f"the build attributes of the ELF file are damaged: {error}", hint="link or copy it again"
        ) from error


def _content(segment: object, data: bytes) -> bytes:
    offset, size_bytes = segment["p_offset"], segment["p_filesz"]  # type: ignore[index]
    if offset + size_bytes > len(data):
        raise ValueError(f"a segment ends at byte {offset + size_bytes:,} of {len(data):,}")
    return data[offset : offset + size_bytes]
