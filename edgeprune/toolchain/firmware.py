"""Generated C + kernels + console + board -> a linked image, with its sizes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeprune.budget import Optimize
from edgeprune.device.image.elf import parse_elf
from edgeprune.device.image.intel_hex import intel_hex
from edgeprune.device.image.uf2 import uf2_file
from edgeprune.errors import UsageError
from edgeprune.files import atomic
from edgeprune.files.shipped import shipped
from edgeprune.hardware.boot import TRIAL_WATCHDOG_MS
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.client_form import SAME, ClientForm
from edgeprune.toolchain.compile import Unit
from edgeprune.toolchain.kernels import KERNEL_FLAGS, kernel_units
from edgeprune.toolchain.linking import link
from edgeprune.toolchain.size import ImageSize, read_size, symbol_map
from edgeprune.toolchain.space import LinkSpace, handover_address, target_space
from edgeprune.toolchain.toolchain import Toolchain, find_toolchain
from edgeprune.toolchain.units import board_folders, compile_all, digest, identity, shipped_unit, text_unit, watchdog_of


@dataclass(frozen=True)
class Firmware:
    """A linked image on disk.

    Attributes:
        elf, bin, hex, map: paths in the output folder; map lists symbols by address.
        uf2: likewise, where the target's loaders name a UF2 family; else None.
        build_id: 16 hex digits over every source, flag and the compiler; the board's reply to `ep id`.
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


@dataclass(frozen=True)
class FirmwareSources:
    """What an image is made from, beside the runtime.

    Attributes:
        model: file name -> text of the generated model; `.c` files are compiled, others are headers.
        kernels: C files under `firmware/kernels`, relative; repeated names count once.
        input_bytes: of all model inputs together, which the console keeps a copy of.
        optimize: for kernels and generated code; the runtime is always built for size.
        client: what a client of the console sends and gets.
    """

    model: Mapping[str, str]
    kernels: tuple[str, ...]
    input_bytes: int
    optimize: Optimize = Optimize.BALANCED
    client: ClientForm = SAME


def build_firmware(
    sources: FirmwareSources,
    target: Target,
    out_dir: Path,
    space: LinkSpace | None = None,
    toolchain: Toolchain | None = None,
) -> Firmware:
    """Compiles and links an image; its files appear in `out_dir` whole or not at all.

    Args:
        target: its `[firmware]` table names the board folder.
        out_dir: made when missing.
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
    units = [*_runtime_units(toolchain, target, sources), *_engine_units(sources, target, toolchain)]
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
        if target.uf2_family_id is not None:
            outputs["firmware.uf2"] = uf2_file(image, target.uf2_family_id)
        size = read_size(folder / "firmware.elf")
    for file_name, content in outputs.items():
        atomic.write_bytes(out_dir / file_name, content)
    elf, binary, hexadecimal, map_file = (out_dir / f"firmware.{kind}" for kind in ("elf", "bin", "hex", "map"))
    drive_file = out_dir / "firmware.uf2" if target.uf2_family_id is not None else None
    described = f"{toolchain.kind} ({toolchain.version})"
    return Firmware(elf, binary, hexadecimal, map_file, drive_file, build_id, target.name, described, size)


def firmware_objects(sources: FirmwareSources, target: Target) -> dict[str, bytes]:
    """The model and its kernels compiled as `build_firmware` does: object name -> bytes.

    Raises:
        ToolchainError: no compiler, or it failed.
    """
    toolchain = find_toolchain()
    return compile_all(toolchain, _engine_units(sources, target, toolchain))


def _engine_units(sources: FirmwareSources, target: Target, toolchain: Toolchain) -> list[Unit]:
    flags = (*KERNEL_FLAGS[sources.optimize], *toolchain.cpu_flags(target.cpu))
    return [*model_units(sources.model, flags), *kernel_units(sources.kernels, flags)]


def _runtime_units(toolchain: Toolchain, target: Target, sources: FirmwareSources) -> list[Unit]:
    cpu_flags = toolchain.cpu_flags(target.cpu)
    if target.firmware is None:
        raise UsageError(
            f"target '{target.name}' has no firmware board",
            hint="add [firmware] board = ... to its TOML, or build for the emulated machine that stands in for it",
        )
    root = shipped("firmware")
    boards = board_folders()
    board = boards.get(target.firmware.board)
    if board is None:
        raise UsageError(f"no firmware board '{target.firmware.board}'", hint=f"there are {', '.join(sorted(boards))}")
    defines = {"BOARD_BAUD": target.baud, "BOARD_CLOCK_HZ": target.cpu.clock_hz} | target.firmware.defines
    board_flags = (*toolchain.size_flags, *cpu_flags, *(f"-D{name}={value}" for name, value in defines.items()))
    watchdog = watchdog_of(target.firmware) if target.boot else None
    watchdog_flags = (f"-DBOOT_WATCHDOG_MS={TRIAL_WATCHDOG_MS}u",) if watchdog else ()
    boot_flags = (f"-DBOOT_HANDOVER={handover_address(target):#x}u", *watchdog_flags) if target.boot else ()
    input_flags = (f"-DEP_INPUT_BYTES={sources.input_bytes}u", *sources.client.flags)
    console_flags = (*toolchain.size_flags, *cpu_flags, *input_flags, *boot_flags)
    console = sorted(root.glob("console/*.c"))
    board_files = [*sorted(root.glob("boards/*.c")), *sorted(board.glob("*.c")), *([watchdog] if watchdog else [])]
    return [
        shipped_unit("runtime", root / "main.c", (*toolchain.size_flags, *cpu_flags)),
        shipped_unit("runtime", root / "libc" / "string.c", (*toolchain.libc_flags, *cpu_flags)),
        *(shipped_unit("console", path, console_flags) for path in console),
        *(shipped_unit("runtime", path, (*board_flags, *watchdog_flags)) for path in board_files),
    ]


def model_units(sources: Mapping[str, str], flags: tuple[str, ...]) -> list[Unit]:
    headers = tuple((name, text) for name, text in sorted(sources.items()) if not name.endswith(".c"))
    return [
        text_unit("model", name, text, flags, headers) for name, text in sorted(sources.items()) if name.endswith(".c")
    ]
