"""The shipped kernels a model uses, as translation units, and the bytes of code they are."""

from __future__ import annotations

import io
from collections.abc import Iterable

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from edgeprune.budget import Optimize
from edgeprune.errors import ToolchainError
from edgeprune.files.shipped import shipped
from edgeprune.toolchain.compile import Unit
from edgeprune.toolchain.toolchain import Toolchain
from edgeprune.toolchain.units import compile_all, shipped_unit

KERNEL_FLAGS = {Optimize.SIZE: ("-Os",), Optimize.BALANCED: ("-O2",), Optimize.SPEED: ("-O2",)}


def kernel_units(names: Iterable[str], flags: tuple[str, ...]) -> list[Unit]:
    """One unit for each C file under `firmware/kernels`; repeated names count once.

    Raises:
        ToolchainError: there is no such file.
    """
    root = shipped("firmware") / "kernels"
    missing = sorted(name for name in set(names) if not (root / name).is_file())
    if missing:
        raise ToolchainError(f"no kernel source {', '.join(missing)} in this installation of EdgePrune")
    return [shipped_unit("kernel", root / name, flags) for name in sorted(set(names))]


def kernel_bytes(names: Iterable[str], cpu_flags: tuple[str, ...], optimize: Optimize, toolchain: Toolchain) -> int:
    """Code and constants of these files as compiled; the linker may still drop an unused function."""
    units = kernel_units(names, (*KERNEL_FLAGS[optimize], *cpu_flags))
    return sum(_flash_bytes(content) for content in compile_all(toolchain, units).values())


def _flash_bytes(object_file: bytes) -> int:
    sections = ELFFile(io.BytesIO(object_file)).iter_sections()
    return sum(
        section["sh_size"]
        for section in sections
        if section["sh_flags"] & SH_FLAGS.SHF_ALLOC
        and section["sh_type"] == "SHT_PROGBITS"
        and not section.name.startswith(".ARM")
    )
