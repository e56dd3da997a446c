"""Generated C + kernels + console + board -> a linked image, with its sizes."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from edgeprune import atomic
from edgeprune.build.compile import Unit, compile_unit
from edgeprune.build.size import ImageSize, intel_hex, read_image, read_size
from edgeprune.build.space import LinkSpace, target_space
from edgeprune.build.toolchain import Toolchain, find_toolchain
from edgeprune.errors import DoesNotFit, ToolchainError, UsageError
from edgeprune.kernels.base import Optimize
from edgeprune.resources import shipped
from edgeprune.target.profile import Target

_SIZE_FLAGS = ("-Os",)
_KERNEL_FLAGS = {Optimize.SIZE: ("-Os",), Optimize.BALANCED: ("-O2",), Optimize.SPEED: ("-O2",)}
_LIBC_FLAGS = ("-O2", "-fno-builtin", "-fno-tree-loop-distribute-patterns")
_JOBS = 2
# GNU ld and lld word it differently; both name the region and the bytes beyond it.
_OVERFLOW = re.compile(r"region [`']?(\w+)'?:? overflowed by (\d+) bytes")


@dataclass(frozen=True)
class Firmware:
    """A linked image on disk.

    Attributes:
        elf, bin, hex, map: paths in the output folder.
        build_id: 16 hex digits over every source, flag and the compiler; the board answers it to `ep id`.
        target: name of the target it was linked for.
        toolchain: compiler kind and version.
        size: bytes by part; `size.flash_bytes` is the length of `bin`.
    """

    elf: Path
    bin: Path
    hex: Path
    map: Path
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
        *_runtime_units(target, input_bytes, cpu_flags),
        *_model_units(model_sources, (*_KERNEL_FLAGS[optimize], *cpu_flags)),
        *_kernel_units(kernel_sources, (*_KERNEL_FLAGS[optimize], *cpu_flags)),
    ]
    script = space.memory_script() + (shipped("firmware") / "boards" / "sections.ld").read_text()
    build_id = _digest(toolchain.version, script, *(part for unit in units for part in _identity(unit)))[:16]
    units.append(_unit("runtime", "build_id.c", f'const char ep_build_id[] = "{build_id}";\n', cpu_flags))

    with ThreadPoolExecutor(_JOBS) as pool:
        compiled = pool.map(lambda unit: compile_unit(toolchain, unit), units)
        objects = {unit.name: content for unit, content in zip(units, compiled, strict=True)}
    with tempfile.TemporaryDirectory(prefix="edgeprune-ld-") as name:
        folder = Path(name)
        _link(toolchain, cpu_flags, objects, script, space, folder)
        image = read_image(folder / "firmware.elf")
        outputs = {
            "firmware.elf": (folder / "firmware.elf").read_bytes(),
            "firmware.bin": image.content,
            "firmware.hex": intel_hex(image).encode(),
            "firmware.map": (folder / "firmware.map").read_bytes(),
        }
        size = read_size(folder / "firmware.elf")
    for file_name, content in outputs.items():
        atomic.write_bytes(out_dir / file_name, content)
    elf, binary, hexadecimal, map_file = (out_dir / file_name for file_name in outputs)
    described = f"{toolchain.kind} ({toolchain.version})"
    return Firmware(elf, binary, hexadecimal, map_file, build_id, target.name, described, size)


def _runtime_units(target: Target, input_bytes: int, cpu_flags: tuple[str, ...]) -> list[Unit]:
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
    baud = target.link.baud if target.link and target.link.baud else 115200
    defines = {"BOARD_BAUD": baud, "BOARD_CLOCK_HZ": target.cpu.clock_hz} | target.firmware.defines
    board_flags = (*_SIZE_FLAGS, *cpu_flags, *(f"-D{name}={value}" for name, value in defines.items()))
    console_flags = (*_SIZE_FLAGS, *cpu_flags, f"-DEP_INPUT_BYTES={input_bytes}u")
    console = sorted(root.glob("console/*.c"))
    board_files = [*sorted(root.glob("boards/*.c")), *sorted(board.glob("*.c"))]
    return [
        _shipped_unit("runtime", root / "main.c", (*_SIZE_FLAGS, *cpu_flags)),
        _shipped_unit("runtime", root / "libc" / "string.c", (*_LIBC_FLAGS, *cpu_flags)),
        *(_shipped_unit("runtime", path, console_flags) for path in console),
        *(_shipped_unit("runtime", path, board_flags) for path in board_files),
    ]


def _model_units(sources: Mapping[str, str], flags: tuple[str, ...]) -> list[Unit]:
    headers = tuple((name, text) for name, text in sorted(sources.items()) if not name.endswith(".c"))
    return [_unit("model", name, text, flags, headers) for name, text in sorted(sources.items()) if name.endswith(".c")]


def _kernel_units(names: Iterable[str], flags: tuple[str, ...]) -> list[Unit]:
    root = shipped("firmware") / "kernels"
    missing = sorted(name for name in set(names) if not (root / name).is_file())
    if missing:
        raise ToolchainError(f"no kernel source {', '.join(missing)} in this installation of EdgePrune")
    return [_shipped_unit("kernel", root / name, flags) for name in sorted(set(names))]


def _shipped_unit(part: str, path: Path, flags: tuple[str, ...]) -> Unit:
    """A file of `firmware/`, its own folder searched for headers first."""
    name = "_".join(path.relative_to(shipped("firmware")).parts)
    unit = _unit(part, name, path.read_text(), flags)
    return replace(unit, include_dirs=(path.parent, *unit.include_dirs))


def _unit(part: str, name: str, text: str, flags: tuple[str, ...], headers: tuple[tuple[str, str], ...] = ()) -> Unit:
    root = shipped("firmware")
    include_dirs = tuple(root / name for name in ("include", "console", "boards", "kernels", "libc/include"))
    return Unit(f"{part}_{name.removesuffix('.c')}", text, headers, include_dirs, _headers_digest(root), flags)


@cache
def _headers_digest(root: Path) -> str:
    headers = sorted(root.rglob("*.h"))
    return _digest(*(part for path in headers for part in (str(path.relative_to(root)), path.read_text())))


def _identity(unit: Unit) -> Iterable[str]:
    """What of a unit decides its bytes; folders differ between machines and do not."""
    headers = (part for header in unit.headers for part in header)
    return (unit.name, unit.text, *headers, unit.include_digest, *unit.flags)


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:".encode() + part.encode())
    return digest.hexdigest()


def _link(
    toolchain: Toolchain,
    cpu_flags: tuple[str, ...],
    objects: Mapping[str, bytes],
    script: str,
    space: LinkSpace,
    folder: Path,
) -> None:
    """`firmware.elf` and `firmware.map` into `folder`."""
    (folder / "firmware.ld").write_text(script)
    for name, content in objects.items():
        (folder / f"{name}.o").write_bytes(content)
    arguments = (
        *cpu_flags, "-mthumb", *toolchain.link_flags, "-Wl,-T,firmware.ld", "-Wl,-Map,firmware.map",
        *(f"{name}.o" for name in objects), *toolchain.link_libraries, "-o", "firmware.elf",
    )  # fmt: skip
    result = toolchain.run(arguments, folder)
    if result.returncode == 0:
        return
    over = {region: int(over_bytes) for region, over_bytes in _OVERFLOW.findall(result.stderr)}
    if not over:
        messages = "\n".join(result.stderr.strip().splitlines()[:12])
        raise ToolchainError(f"linking failed with {toolchain.version}:\n{messages}")
    limits = {"FLASH": ("flash", space.flash_bytes), "RAM": ("RAM", space.ram_bytes)}
    says = (
        f"{limits[region][0]} needs {limits[region][1] + over_bytes:,} B, "
        f"{over_bytes:,} B more than the {limits[region][1]:,} B there are"
        for region, over_bytes in sorted(over.items())
    )
    raise DoesNotFit(
        f"the linked image does not fit: {'; '.join(says)}",
        hint="thin the model further (`edgeprune fit`), or choose a larger target",
    )
