"""Generated C + kernels + `firmware/hosted` -> one static Linux program, with its sizes."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from edgeprune.budget import Optimize
from edgeprune.errors import ToolchainError
from edgeprune.files.shipped import shipped
from edgeprune.hardware.hosted import Architecture
from edgeprune.toolchain.compile import Unit
from edgeprune.toolchain.firmware import FirmwareSources, model_units
from edgeprune.toolchain.kernels import kernel_units
from edgeprune.toolchain.linux import LinuxCompiler, find_linux_compiler
from edgeprune.toolchain.units import compile_all, digest, identity, shipped_unit, text_unit

_SPEED_FLAGS = {Optimize.SIZE: ("-Os",), Optimize.BALANCED: ("-O3",), Optimize.SPEED: ("-O3",)}
_RUNTIME_FLAGS = ("-O2",)
PAGE_BYTES = 4096


@dataclass(frozen=True)
class Program:
    """A linked program.

    Attributes:
        content: the ELF file, stripped.
        build_id: 16 hex digits over every source, flag and the compiler; the program's reply to `identity`.
        toolchain: compiler kind and version.
        file_parts: bytes of the file: `constants` (the model's arrays and structs), `model` (the generated calls),
            `kernels`, `runtime` (the commands, headers of the file).
        memory_parts: bytes it has mapped at most beside its stack, in pages: `arena`, `program`.
    """

    content: bytes
    build_id: str
    architecture: Architecture
    toolchain: str
    file_parts: Mapping[str, int]
    memory_parts: Mapping[str, int]


def build_program(
    sources: FirmwareSources,
    architecture: Architecture,
    features: Iterable[str] = (),
    compiler: LinuxCompiler | None = None,
) -> Program:
    """Compiles and links.

    Args:
        features: of the processor, as `/proc/cpuinfo` lists them.
        compiler: by default the one `find_linux_compiler` finds.

    Raises:
        ToolchainError: no compiler, or it failed.
    """
    compiler = compiler or find_linux_compiler(architecture)
    cpu_flags = compiler.cpu_flags(tuple(features))
    units = [
        *_runtime_units(compiler, architecture, sources.input_bytes, cpu_flags),
        *_engine_units(sources, cpu_flags),
    ]
    build_id = digest(compiler.version, architecture, *(part for unit in units for part in identity(unit)))[:16]
    text = f'extern const char ep_build_id[];\nconst char ep_build_id[] = "{build_id}";\n'
    units.append(text_unit("runtime", "build_id.c", text, cpu_flags))
    objects = compile_all(compiler, units)
    with tempfile.TemporaryDirectory(prefix="edgeprune-ld-") as name:
        folder = Path(name)
        whole, stripped = _link(compiler, cpu_flags, objects, folder, ()), b""
        stripped = _link(compiler, cpu_flags, objects, folder, ("-s",))
    parts = _file_parts(whole, objects, len(stripped))
    return Program(
        stripped, build_id, architecture, f"{compiler.kind} ({compiler.version})", parts, _memory_parts(whole)
    )


def program_objects(
    sources: FirmwareSources, architecture: Architecture, features: Iterable[str] = ()
) -> dict[str, bytes]:
    """The model and its kernels compiled as `build_program` does: object name -> bytes.

    Raises:
        ToolchainError: no compiler, or it failed.
    """
    compiler = find_linux_compiler(architecture)
    return compile_all(compiler, _engine_units(sources, compiler.cpu_flags(tuple(features))))


def _engine_units(sources: FirmwareSources, cpu_flags: tuple[str, ...]) -> list[Unit]:
    speed = (*_SPEED_FLAGS[sources.optimize], *cpu_flags)
    return [*model_units(sources.model, speed), *kernel_units(sources.kernels, speed)]


def _runtime_units(
    compiler: LinuxCompiler, architecture: Architecture, input_bytes: int, cpu_flags: tuple[str, ...]
) -> list[Unit]:
    root = shipped("firmware")
    hosted = root / "hosted"
    flags = (*_RUNTIME_FLAGS, *cpu_flags, f"-I{hosted}", f"-I{hosted / architecture}")
    flags = (*flags, f"-DEP_INPUT_BYTES={max(input_bytes, 1)}u")
    return [
        *(shipped_unit("runtime", path, flags) for path in sorted(hosted.glob("*.c"))),
        shipped_unit("runtime", hosted / architecture / "entry.c", flags),
        shipped_unit("runtime", root / "libc" / "string.c", (*compiler.libc_flags, *cpu_flags)),
    ]


def _link(
    compiler: LinuxCompiler,
    cpu_flags: tuple[str, ...],
    objects: Mapping[str, bytes],
    folder: Path,
    more: tuple[str, ...],
) -> bytes:
    for name, content in objects.items():
        (folder / f"{name}.o").write_bytes(content)
    arguments = (
        *cpu_flags, *compiler.link_flags, *more, *(f"{name}.o" for name in objects), *compiler.link_libraries,
        "-o", "program",
    )  # fmt: skip
    result = compiler.run(arguments, folder)
    if result.returncode != 0:
        messages = "\n".join(result.stderr.strip().splitlines()[:12])
        raise ToolchainError(f"linking failed with {compiler.version}:\n{messages}")
    return (folder / "program").read_bytes()


def _file_parts(program: bytes, objects: Mapping[str, bytes], file_bytes: int) -> dict[str, int]:
    """Of a program with its symbols: functions and arrays by the object they came from, all else `runtime`."""
    parts = {"constants": 0, "model": 0, "kernels": 0}
    owners = {name: object_name for object_name, content in objects.items() for name in _defined(content)}
    for name, size_bytes, is_function in _sized(program):
        kind = owners.get(name, "").partition("_")[0]
        if kind == "model":
            parts["model" if is_function else "constants"] += size_bytes
        elif kind == "kernel":
            parts["kernels"] += size_bytes
    return parts | {"runtime": file_bytes - sum(parts.values())}


def _defined(content: bytes) -> list[str]:
    return [name for name, _, _ in _sized(content)]


def _sized(content: bytes) -> list[tuple[str, int, bool]]:
    """(name, bytes, whether it is a function) of what an ELF file stores; variables that start as zero are not."""
    elf = ELFFile(io.BytesIO(content))
    table = elf.get_section_by_name(".symtab")
    found = []
    for symbol in table.iter_symbols() if table else ():
        kind, section = symbol["st_info"]["type"], symbol["st_shndx"]
        if kind in ("STT_FUNC", "STT_OBJECT") and isinstance(section, int):
            if elf.get_section(section)["sh_type"] == "SHT_NOBITS":
                continue
            found.append((symbol.name, int(symbol["st_size"]), kind == "STT_FUNC"))
    return found


def _memory_parts(program: bytes) -> dict[str, int]:
    """Pages the program is loaded into, the arena's bytes apart."""
    elf = ELFFile(io.BytesIO(program))
    pages: set[int] = set()
    for segment in elf.iter_segments("PT_LOAD"):
        first, size_bytes = segment["p_vaddr"], segment["p_memsz"]
        pages.update(range(first // PAGE_BYTES, -(-(first + size_bytes) // PAGE_BYTES)))
    table = elf.get_section_by_name(".symtab")
    arena = next((symbol["st_size"] for symbol in table.iter_symbols() if symbol.name == "arena"), 0)
    return {"arena": arena, "program": len(pages) * PAGE_BYTES - arena}
