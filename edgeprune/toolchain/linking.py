"""Object files -> one ELF file, or how many bytes too many there are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from edgeprune.errors import DoesNotFit, ToolchainError
from edgeprune.toolchain.dead_code import without_dead_code
from edgeprune.toolchain.space import LinkSpace, remedy
from edgeprune.toolchain.toolchain import Toolchain

# GNU ld and lld word it differently; both name the region and the bytes beyond it.
_OVERFLOW = re.compile(r"region [`']?(\w+)'?:? overflowed by (\d+) bytes")


def link(
    toolchain: Toolchain,
    cpu_flags: tuple[str, ...],
    objects: Mapping[str, bytes],
    script: str,
    space: LinkSpace,
    folder: Path,
) -> None:
    """`firmware.elf` into `folder`.

    Raises:
        DoesNotFit: the image leaves its windows; with the bytes.
        ToolchainError: anything else the linker refuses.
    """
    (folder / "firmware.ld").write_text(script)
    for name, content in objects.items():
        (folder / f"{name}.o").write_bytes(content)
    for flags in toolchain.link_flags:
        arguments = (
            *cpu_flags, "-mthumb", *flags, "-Wl,-T,firmware.ld",
            *(f"{name}.o" for name in objects), *toolchain.link_libraries, "-o", "firmware.elf",
        )  # fmt: skip
        result = toolchain.run(arguments, folder)
        if result.returncode == 0:
            elf = folder / "firmware.elf"
            elf.write_bytes(without_dead_code(elf.read_bytes()))
            return
        if "undefined symbol" not in result.stderr:
            break
    over = {region: int(over_bytes) for region, over_bytes in _OVERFLOW.findall(result.stderr)}
    if not over:
        messages = "\n".join(result.stderr.strip().splitlines()[:12])
        raise ToolchainError(
            f"linking failed with {toolchain.version}:\n{messages}",
            hint="this is a fault of EdgePrune's generated or shipped C: please report it with the model",
        )
    limits = {"FLASH": ("flash", space.flash_bytes), "RAM": ("RAM", space.ram_bytes)}
    excesses = (
        f"{limits[region][0]} needs {limits[region][1] + over_bytes:,} B, "
        f"{over_bytes:,} B more than the {limits[region][1]:,} B there are"
        for region, over_bytes in sorted(over.items())
    )
    raise DoesNotFit(
        f"the linked image does not fit: {'; '.join(excesses)}",
        hint=remedy(over),
    )
