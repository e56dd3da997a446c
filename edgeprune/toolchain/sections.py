"""Sections of compiled objects, one a function or constant, and which of them the linker keeps."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

_KINDS = (".text.", ".rodata.")


@dataclass(frozen=True)
class Section:
    """One function, or one constant.

    Attributes:
        size_bytes: up to a whole number of its alignment.
        uses: sections of the same object, and names defined in others.
    """

    size_bytes: int
    uses: frozenset[str]


def sections_of(object_file: bytes) -> dict[str, Section]:
    """Code and constants of an object file by section name."""
    elf = ELFFile(io.BytesIO(object_file))
    names = [section.name for section in elf.iter_sections()]
    uses: dict[str, set[str]] = {}
    for section in elf.iter_sections():
        if section["sh_type"] in ("SHT_REL", "SHT_RELA"):
            symbols = elf.get_section(section["sh_link"])
            targets = {entry["r_info_sym"] for entry in section.iter_relocations()}
            used = uses.setdefault(names[section["sh_info"]], set())
            for symbol in map(symbols.get_symbol, targets):
                place = symbol["st_shndx"]
                used.add(names[place] if isinstance(place, int) else symbol.name)
    return {
        section.name: Section(
            _aligned(section["sh_size"], section["sh_addralign"]), frozenset(uses.get(section.name, ()))
        )
        for section in elf.iter_sections()
        if section["sh_flags"] & SH_FLAGS.SHF_ALLOC
        and section["sh_type"] == "SHT_PROGBITS"
        and section.name.startswith(_KINDS)
    }


def address_bytes(object_file: bytes) -> int:
    """Of a pointer."""
    return int(ELFFile(io.BytesIO(object_file)).elfclass) // 8


def kept_bytes(objects: Mapping[str, Mapping[str, Section]], roots: Iterable[str]) -> dict[str, int]:
    """Sections the linker keeps for these functions.

    Args:
        objects: sections by object name.
        roots: names of functions; those that no object defines are left out.

    Returns:
        `<object> <section>` -> bytes.
    """
    defined = {_symbol(name): (one, name) for one, sections in objects.items() for name in sections}
    found: dict[str, int] = {}
    waiting = [defined[root] for root in roots if root in defined]
    while waiting:
        place = waiting.pop()
        one, name = place
        if f"{one} {name}" in found:
            continue
        section = objects[one][name]
        found[f"{one} {name}"] = section.size_bytes
        waiting += [(one, use) for use in section.uses if use in objects[one]]
        waiting += [defined[use] for use in section.uses if use not in objects[one] and use in defined]
    return found


def _symbol(section: str) -> str:
    return next(section.removeprefix(kind) for kind in _KINDS if section.startswith(kind))


def _aligned(size_bytes: int, align_bytes: int) -> int:
    return -(-size_bytes // max(1, align_bytes)) * max(1, align_bytes)
