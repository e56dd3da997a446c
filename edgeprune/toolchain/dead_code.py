"""Debug information of functions that the linker left out.

GNU ld resolves their addresses to 0, where the code of boards whose flash begins there lies: a debugger would take one
function for another. They get the last address there is; in lists of ranges and places the last but one, since the last
would announce a base address (DWARF 4, sections 2.6.2 and 2.17.3).
"""

from __future__ import annotations

import io
import struct
from itertools import pairwise

from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

_NOWHERE = struct.pack("<I", 0xFFFF_FFFF)
_NOWHERE_IN_LISTS = struct.pack("<I", 0xFFFF_FFFE)
_LISTS = (".debug_ranges", ".debug_loc")
_R_ARM_NONE = 0
_DEBUG = ".rel.debug_"
_SHT_NULL = 0
# Where in the file's and in a section's header these fields are.
_E_SHOFF, _SH_TYPE, _SH_OFFSET, _SH_SIZE = 32, 4, 16, 20


def without_dead_code(elf_bytes: bytes) -> bytes:
    """An ELF file linked with `--emit-relocs`, without its relocations, references to code left out made void."""
    patched = bytearray(elf_bytes)
    elf = ELFFile(io.BytesIO(elf_bytes))
    relocations = [(number, each) for number, each in enumerate(elf.iter_sections()) if _is_of_code(each)]
    for number, section in relocations:
        if section.name.startswith(_DEBUG):
            described = elf.get_section(section["sh_info"])
            start = described["sh_offset"]
            nowhere = _NOWHERE_IN_LISTS if described.name in _LISTS else _NOWHERE
            for offset, info in struct.iter_unpack("<II", section.data()):
                if info & 0xFF == _R_ARM_NONE:
                    patched[start + offset : start + offset + 4] = nowhere
        header = elf["e_shoff"] + number * elf["e_shentsize"]
        struct.pack_into("<I", patched, header + _SH_TYPE, _SHT_NULL)
        struct.pack_into("<I", patched, header + _SH_SIZE, 0)
    _cut(patched, elf, sorted((each["sh_offset"], each["sh_offset"] + each["sh_size"]) for _, each in relocations))
    return bytes(patched)


def _is_of_code(section: object) -> bool:
    return isinstance(section, RelocationSection)


def _cut(patched: bytearray, elf: ELFFile, spans: list[tuple[int, int]]) -> None:
    """The bytes of relocations, where they lie in one piece behind everything that is loaded."""
    if not spans or any(end != start for (_, end), (start, _) in pairwise(spans)):
        return
    start, end = spans[0][0], spans[-1][1]
    loaded = max(segment["p_offset"] + segment["p_filesz"] for segment in elf.iter_segments())
    if loaded > start or elf["e_shoff"] < end:
        return
    for number in range(elf.num_sections()):
        header = elf["e_shoff"] + number * elf["e_shentsize"]
        (offset,) = struct.unpack_from("<I", patched, header + _SH_OFFSET)
        if offset >= end:
            struct.pack_into("<I", patched, header + _SH_OFFSET, offset - (end - start))
        elif offset >= start:
            struct.pack_into("<I", patched, header + _SH_OFFSET, start)
    struct.pack_into("<I", patched, _E_SHOFF, elf["e_shoff"] - (end - start))
    del patched[start:end]
