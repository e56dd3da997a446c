"""What a linked image takes, read from its ELF file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from edgeprune.device.image.elf import elf_text
from edgeprune.errors import UsageError

# Output sections of boards/sections.ld -> the part a report names. `.data` is in flash too, as its initial values.
_FLASH_PARTS = {
    ".vectors": "runtime", ".console": "console", ".runtime": "runtime", ".compiler": "runtime", ".data": "runtime",
    ".kernels": "kernels", ".model": "model", ".constants": "constants",
}  # fmt: skip
_RAM_PARTS = {".arena": "arena", ".stack": "stack", ".data": "data", ".bss": "data", ".console_data": "console"}


@dataclass(frozen=True)
class ImageSize:
    """Bytes of one image.

    Attributes:
        flash_parts: `runtime` (start-up, the board's drivers, compiler library), `console`, `kernels`, `model` (the
            generated calls), `constants` (the model's arrays); their sum is the length of the binary, padding included.
        ram_parts: `arena`, `stack` (as reserved), `data` (variables, and constants copied to RAM), `console` (buffers,
            a copy of the input among them).
    """

    flash_parts: Mapping[str, int]
    ram_parts: Mapping[str, int]

    @property
    def flash_bytes(self) -> int:
        return sum(self.flash_parts.values())

    @property
    def ram_bytes(self) -> int:
        return sum(self.ram_parts.values())


def read_size(elf_path: Path) -> ImageSize:
    """Section sizes by part; gaps between sections count towards the part behind them."""
    flash, ram = [], []
    with elf_path.open("rb") as stream:
        elf = ELFFile(stream)
        for section in elf.iter_sections():
            name, size_bytes = section.name, section["sh_size"]
            if name in _RAM_PARTS:
                ram.append((section["sh_addr"], size_bytes, _RAM_PARTS[name]))
            if name in _FLASH_PARTS and size_bytes > 0:
                flash.append((_load_address(elf, section), size_bytes, _FLASH_PARTS[name]))
        hot_bytes = _hot_bytes(elf)
    flash_parts = _bytes_by_part(flash, ("runtime", "console", "kernels", "model", "constants"))
    flash_parts["runtime"] -= hot_bytes
    flash_parts["constants"] += hot_bytes
    return ImageSize(flash_parts, _bytes_by_part(ram, ("arena", "stack", "data", "console")))


def _hot_bytes(elf: ELFFile) -> int:
    """Of the model's arrays that `.data` holds."""
    table = elf.get_section_by_name(".symtab")
    ends = [table.get_symbol_by_name(name) if table else None for name in ("ep_hot_start", "ep_hot_end")]
    start, end = (found[0]["st_value"] if found else 0 for found in ends)
    return int(end - start)


def _bytes_by_part(spans: list[tuple[int, int, str]], names: tuple[str, ...]) -> dict[str, int]:
    """(address, bytes, part) -> bytes by part."""
    parts = dict.fromkeys(names, 0)
    end = min(address for address, _, _ in spans)
    for address, size_bytes, part in sorted(spans):
        parts[part] += address + size_bytes - end
        end = address + size_bytes
    return parts


def build_id_of(elf_path: Path) -> str:
    """The build id linked into a firmware, which its board reports.

    Raises:
        UsageError: not an ELF file, or no firmware of EdgePrune's.
    """
    build_id = elf_text(elf_path.read_bytes(), "ep_build_id")
    if build_id is None:
        raise UsageError(f"{elf_path} is no firmware built by EdgePrune", hint="`edgeprune build` makes one")
    return build_id


def symbol_map(elf_path: Path) -> str:
    """One line a symbol, by address: address, bytes, section, name."""
    with elf_path.open("rb") as stream:
        elf = ELFFile(stream)
        table = elf.get_section_by_name(".symtab")
        rows = [
            (symbol["st_value"], symbol["st_size"], elf.get_section(symbol["st_shndx"]).name, symbol.name)
            for symbol in (table.iter_symbols() if table else ())
            if symbol["st_size"] and isinstance(symbol["st_shndx"], int)
        ]
    return "".join(f"{address:08x} {size:8d} {section:12} {name}\n" for address, size, section, name in sorted(rows))


def _load_address(elf: ELFFile, section: object) -> int:
    """Where flash holds the section, which for `.data` is not where it runs."""
    for segment in elf.iter_segments():
        if segment["p_type"] == "PT_LOAD" and segment.section_in_segment(section):
            return int(segment["p_paddr"] + section["sh_addr"] - segment["p_vaddr"])  # type: ignore[index]
    return int(section["sh_addr"])  # type: ignore[index]
