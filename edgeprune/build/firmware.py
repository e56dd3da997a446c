"""Generated C + kernels + console + board -> a linked image, with its sizes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeprune import atomic
from edgeprune.build.compile import Unit
from edgeprune.build.kernels import KERNEL_FLAGS, kernel_units
from edgeprune.build.linking import link
from edgeprune.build.size import ImageSize, read_size, symbol_map
from edgeprune.build.space import LinkSpace, handover_address, target_space
from edgeprune.build.toolchain import Toolchain, find_toolchain
from edgeprune.build.units import compile_all, digest, identity, shipped_unit, text_unit
from edgeprune.errors import UsageError
from edgeprune.image.elf import parse_elf
from edgeprune.image.intel_hex import intel_hex
from edgeprune.image.uf2 import uf2_file
from edgeprune.kernels.base import Optimize
from edgeprune.resources import shipped
from edgeprune.target.profile import Target


@dataclass(frozen=True)
class Firmware:
    """A linked image on disk.

    Attributes:
        elf, bin, hex, map: paths in the output folder; map lists symbols by address.
        uf2: likewise, where the target's loaders name a UF2 family; else None.
        build_id: 16 hex digits over every source, flag and the compiler; the board answers it to `ep id`.
        target: name of the target it was linked for.
        toolchain: compiler kind and version.
        size: bytes by part; `size.flash_bytes` is the length of `bin`.
    """

    elf: Path
    bin: Path
    hex: Path
    map: Path
    uf2: Path | None
    build_id: str
    target: str
    toolchain: str
    size: ImageSize


def build_firmware(
    model_sources: Mapping[str, str],
    kernel_sources: Iterable[str],
    target: Target,
    out_dir: Path,
    *,
    input_bytes: int,
    optimize: Optimize = Optimize.BALANCED,
    space: LinkSpace | None = None,
    toolchain: Toolchain | None = None,
) -> Firmware:
    """Compiles and links an image; its files appear in `out_dir` whole or not at all.

    Args:
        model_sources: file name -> text of the generated model; `.c` files are compiled, others are headers.
        kernel_sources: C files under `firmware/kernels`, relative; repeated names count once.
        target: its `[firmware]` table names the board folder.
        out_dir: made when missing.
        input_bytes: bytes of all model inputs together, which the console keeps a copy of.
        optimize: for kernels and generated code; the runtime is always built for size.
        space: where to link to; by default what the target leaves. `unbounded_space` measures what would not fit.
        toolchain: by default the one `find_toolchain` finds.

    Raises:
        DoesNotFit: the image leaves its flash or RAM window; with the bytes.
        UsageError: the target has no firmware board.
        ToolchainError: no compiler, or it failed.
        OSError: `out_dir` cannot be written.
    """
    space = space or target_space(target)
    toolchain = toolchain or find_toolchain()
    cpu_flags = toolchain.cpu_flags(target.cpu)
    units = [
        *_runtime_units(toolchain, target, input_bytes),
        *_model_units(model_sources, (*KERNEL_FLAGS[optimize], *cpu_flags)),
        *kernel_units(kernel_sources, (*KERNEL_FLAGS[optimize], *cpu_flags)),
    ]
    script = space.memory_script() + (shipped("firmware") / "boards" / "sections.ld").read_text()
    build_id = digest(toolchain.version, script, *(part for unit in units for part in identity(unit)))[:16]
    units.append(text_unit("runtime", "build_id.c", f'const char ep_build_id[] = "{build_id}";\n', cpu_flags))

    objects = compile_all(toolchain, units)
    with tempfile.TemporaryDirectory(prefix="edgeprune-ld-") as name:
        folder = Path(name)
        link(toolchain, cpu_flags, objects, script, space, folder)
        elf_bytes = (folder / "firmware.elf").read_bytes()
        image = parse_elf(elf_bytes, "firmware.elf")
        outputs = {
            "firmware.elf": elf_bytes,
            "firmware.bin": image.flat().content,
            "firmware.hex": intel_hex(image).encode(),
            "firmware.map": symbol_map(folder / "firmware.elf").encode(),
        }
        family_id = uf2_family_id(target)
        if family_id is not None:
            outputs["firmware.uf2"] = uf2_file(image, family_id)
        size = read_size(folder / "firmware.elf")
    for file_name, content in outputs.items():
        atomic.write_bytes(out_dir / file_name, content)
    elf, binary, hexadecimal, map_file = (out_dir / f"firmware.{kind}" for kind in ("elf", "bin", "hex", "map"))
    drive_file = out_dir / "firmware.uf2" if family_id is not None else None
    described = f"{toolchain.kind} ({toolchain.version})"
    return Firmware(elf, binary, hexadecimal, map_file, drive_file, build_id, target.name, described, size)


def uf2_family_id(target: Target) -> int | None:
    """The family of UF2 images the target's own loader takes, None where it takes none."""
    return next((loader.family_id for loader in target.loaders if loader.kind == "uf2"), None)


def _runtime_units(toolchain: Toolchain, target: Target, input_bytes: int) -> list[Unit]:
    cpu_flags = toolchain.cpu_flags(target.cpu)
    if target.firmware is None:
        raise UsageError(
            f"target '{target.name}' has no firmware board",
            hint="add [firmware] board = ... to its TOML, or build for the emulated machine that stands in for it",
        )
    root = shipped("firmware")
    board = root / "boards" / target.firmware.board
    if not board.is_dir():
        known = ", ".join(sorted(path.parent.name for path in (root / "boards").glob("*/board.c")))
        raise UsageError(f"no firmware board '{target.firmware.board}'", hint=f"there are {known}")
    defines = {"BOARD_BAUD": target.baud, "BOARD_CLOCK_HZ": target.cpu.clock_hz} | target.firmware.defines
    board_flags = (*toolchain.size_flags, *cpu_flags, *(f"-D{name}={value}" for name, value in defines.items()))
    boot_flags = (f"-DBOOT_HANDOVER={handover_address(target):#x}u",) if target.boot else ()
    console_flags = (*toolchain.size_flags, *cpu_flags, f"-DEP_INPUT_BYTES={input_bytes}u", *boot_flags)
    console = sorted(root.glob("console/*.c"))
    board_files = [*sorted(root.glob("boards/*.c")), *sorted(board.glob("*.c"))]
    return [
        shipped_unit("runtime", root / "main.c", (*toolchain.size_flags, *cpu_flags)),
        shipped_unit("runtime", root / "libc" / "string.c", (*toolchain.libc_flags, *cpu_flags)),
        *(shipped_unit("runtime", path, console_flags) for path in console),
        *(shipped_unit("runtime", path, board_flags) for path in board_files),
    ]


def _model_units(sources: Mapping[str, str], flags: tuple[str, ...]) -> list[Unit]:
    headers = tuple((name, text) for name, text in sorted(sources.items()) if not name.endswith(".c"))
    return [
        text_unit("model", name, text, flags, headers) for name, text in sorted(sources.items()) if name.endswith(".c")
    ]
