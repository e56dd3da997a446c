"""What a linked image takes, read from its ELF file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from edgeprune.errors import UsageError

# Output sections of boards/sections.ld -> the part a report names. `.data` is in flash too, as its initial values.
_FLASH_PARTS = {
    ".vectors": "runtime", ".runtime": "runtime", ".library": "runtime", ".data": "runtime",
    ".kernels": "kernels", ".model": "model", ".constants": "constants",
}  # fmt: skip
_RAM_PARTS = {".arena": "arena", ".stack": "stack", ".data": "data", ".bss": "data"}


@dataclass(frozen=True)
class ImageSize:
    """Bytes of one image.

    Attributes:
        flash_parts: `runtime` (start-up, console, compiler library), `kernels`, `model` (the generated calls),
            `constants` (the model's arrays); their sum is the length of the binary, padding included.
        ram_parts: `arena`, `stack` (as reserved), `data`.
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
    flash = dict.fromkeys(("runtime", "kernels", "model", "constants"), 0)
    ram = dict.fromkeys(("arena", "stack", "data"), 0)
    with elf_path.open("rb") as stream:
        elf = ELFFile(stream)
        spans = []
        for section in elf.iter_sections():
            if section.name in _RAM_PARTS:
                ram[_RAM_PARTS[section.name]] += section["sh_size"]
            if section.name in _FLASH_PARTS and section["sh_size"] > 0:
                spans.append((_load_address(elf, section), section["sh_size"], _FLASH_PARTS[section.name]))
    end = min(address for address, _, _ in spans)
    for address, size_bytes, part in sorted(spans):
        flash[part] += address + size_bytes - end
        end = address + size_bytes
    return ImageSize(flash, ram)


def symbol_bytes(elf_path: Path) -> dict[str, int]:
    """Name -> size of every function and array of the image; of equal names the last."""
    with elf_path.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        symbols = table.iter_symbols() if table else ()
        return {symbol.name: symbol["st_size"] for symbol in symbols if symbol["st_size"]}


def build_id_of(elf_path: Path) -> str:
    """The build id linked into a firmware, which its board answers.

    Raises:
        UsageError: not an ELF file, or no firmware of EdgePrune's.
    """
    try:
        with elf_path.open("rb") as stream:
            elf = ELFFile(stream)
            symbols = elf.get_section_by_name(".symtab").get_symbol_by_name("ep_build_id")
            section = elf.get_section(symbols[0]["st_shndx"])
            start = symbols[0]["st_value"] - section["sh_addr"]
            return bytes(section.data()[start : start + 16]).decode("ascii")
    except (ELFError, AttributeError, TypeError, UnicodeDecodeError):
        raise UsageError(f"{elf_path} is no firmware built by EdgePrune", hint="`edgeprune build` makes one") from None


def _load_address(elf: ELFFile, section: object) -> int:
    """Where flash holds the section, which for `.data` is not where it runs."""
    for segment in elf.iter_segments():
        if segment["p_type"] == "PT_LOAD" and segment.section_in_segment(section):
            return int(segment["p_paddr"] + section["sh_addr"] - segment["p_vaddr"])  # type: ignore[index]
    return int(section["sh_addr"])  # type: ignore[index]
