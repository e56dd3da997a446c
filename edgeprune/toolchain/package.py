"""The generated C of a model as a folder for a firmware engineer's own project: no console, no board, no C library
beyond `memcpy` and its kin.

    model.c         constants, arena, layers and `ep_model_invoke`
    ep_model.h      what the rest of a firmware includes
    ep_kernels.h    what the kernels and model.c share
    kernel_*.c      the kernels this model uses and no others
    CMakeLists.txt, Makefile, README.md
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeprune.budget import Optimize
from edgeprune.errors import ToolchainError
from edgeprune.files.quoting import make_comment, markdown, markdown_code
from edgeprune.files.shipped import shipped
from edgeprune.hardware.profile import Isa, Target
from edgeprune.ir import Graph, Tensor
from edgeprune.toolchain.kernels import KERNEL_FLAGS
from edgeprune.toolchain.toolchain import GCC, Toolchain

_OWN_INCLUDE = re.compile(r'^#include "([^"]+)"\n', re.MULTILINE)
_SYSTEM_INCLUDE = re.compile(r"^#include <[^>]+>\n", re.MULTILINE)
_MODEL_HEADER, _KERNEL_HEADER = "ep_model.h", "ep_kernels.h"
_OF_MODEL = (_MODEL_HEADER, "model.h")
_LICENSE = "/* SPDX-License-Identifier: Apache-2.0; part of EdgePrune. */\n"
_FLAGS = "-std=c11 -ffp-contract=off -fno-strict-aliasing -ffunction-sections -fdata-sections"


@dataclass(frozen=True)
class PackageFacts:
    """What the README states.

    Attributes:
        model_id, model_hash, command, version: where the package came from.
        arena_bytes: activations and scratch.
        weight_bytes, table_bytes: constants in flash: the model's own, and what the engine adds.
        optimize: what the kernels were chosen for.
        code_bytes: kernels and layers, as linked for the target.
        compiler: what `code_bytes` was measured with.
    """

    model_id: str
    model_hash: str
    command: str
    version: str
    arena_bytes: int
    weight_bytes: int
    table_bytes: int
    optimize: Optimize
    code_bytes: int
    compiler: str


def package_files(
    graph: Graph, model_sources: Mapping[str, str], kernel_sources: Iterable[str], target: Target, facts: PackageFacts
) -> dict[str, str]:
    """File name -> text, all in one folder, so that any build system takes them.

    Args:
        graph: whose inputs and outputs the README lists.
        model_sources: `codegen.emit`'s files.
        kernel_sources: C files under `firmware/kernels`, relative.
        target: whose core the build files compile for by default.
    """
    flags = compiler_flags(facts.optimize)
    files = library_files(model_sources, kernel_sources, facts.optimize)
    sources = sorted(name for name in files if name.endswith(".c"))
    return files | {"Makefile": _makefile(sources, target, flags), "README.md": _readme(graph, target, facts, flags)}


def compiler_flags(optimize: Optimize) -> str:
    """What the C needs to be compiled with."""
    return " ".join((*KERNEL_FLAGS[optimize], _FLAGS))


def library_files(
    model_sources: Mapping[str, str], kernel_sources: Iterable[str], optimize: Optimize
) -> dict[str, str]:
    """The C of a model and a CMakeLists.txt that makes the library `edgeprune_model` of it: file name -> text."""
    root = shipped("firmware")
    kernels = [root / "kernels" / name for name in sorted(set(kernel_sources))]
    model_c = model_sources["model.c"].replace('#include "weights.h"\n', _body(model_sources["weights.h"]))
    headers = _all_headers(
        [*_own_includes(model_c, None), *(h for path in kernels for h in _own_includes(path.read_text(), path.parent))]
    )
    files = {
        "model.c": _with_package_headers(model_c),
        _MODEL_HEADER: _model_header((root / "include" / _MODEL_HEADER).read_text(), model_sources["model.h"]),
        _KERNEL_HEADER: _kernel_header(headers),
    }
    for path in kernels:
        files[f"kernel_{path.parent.name}_{path.name}"] = _LICENSE + _with_package_headers(path.read_text())
    sources = sorted(name for name in files if name.endswith(".c"))
    return files | {"CMakeLists.txt": _cmake(sources, compiler_flags(optimize))}


def _own_includes(text: str, folder: Path | None) -> list[Path]:
    """Headers of the engine that a text includes by itself, but for the model's."""
    root = shipped("firmware")
    paths = []
    for name in _OWN_INCLUDE.findall(text):
        if name in _OF_MODEL:
            continue
        places = [place / name for place in (folder, root / "include", root / "kernels") if place is not None]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise ToolchainError(f"no header {name} in this installation of EdgePrune")
        paths.append(path)
    return paths


def _all_headers(wanted: Sequence[Path]) -> list[Path]:
    """Those and the ones they include, each behind what it includes."""
    ordered: dict[Path, None] = {}

    def add(path: Path) -> None:
        if path not in ordered:
            for other in _own_includes(path.read_text(), path.parent):
                add(other)
            ordered[path] = None

    for path in wanted:
        add(path)
    return list(ordered)


def _with_package_headers(text: str) -> str:
    """The text with the package's headers in place of the engine's."""
    first = _OWN_INCLUDE.search(text)
    if first is None:
        return text
    package = {_MODEL_HEADER if name in _OF_MODEL else _KERNEL_HEADER for name in _OWN_INCLUDE.findall(text)}
    lines = "".join(f'#include "{name}"\n' for name in sorted(package))
    return text[: first.start()] + lines + _OWN_INCLUDE.sub("", text[first.end() :])


def _body(header: str) -> str:
    """What stands between a generated header's guards, without its includes."""
    start = header.index("#define ")
    inside = header[header.index("\n", start) : header.rindex("#endif")]
    return _SYSTEM_INCLUDE.sub("", _OWN_INCLUDE.sub("", inside)).strip("\n") + "\n"


def _model_header(api: str, generated: str) -> str:
    sizes = _body(generated)
    opening = '#include <stdint.h>\n\n#ifdef __cplusplus\nextern "C" {\n#endif\n'
    closing = f"{sizes}\n#ifdef __cplusplus\n}}\n#endif\n\n#endif\n"
    text = api.replace("#include <stdint.h>\n", opening, 1)
    return _LICENSE + text[: text.rindex("#endif")] + closing


def _kernel_header(headers: Sequence[Path]) -> str:
    texts = [path.read_text() for path in headers]
    system = sorted({line for text in texts for line in _SYSTEM_INCLUDE.findall(text)} | {"#include <stdint.h>\n"})
    bodies = (_SYSTEM_INCLUDE.sub("", _OWN_INCLUDE.sub("", text)).strip("\n") for text in texts)
    return (
        f"{_LICENSE}/* The kernels of this model, one after the other; only model.c and the kernels include it. */\n"
        f"#ifndef EP_KERNELS_H\n#define EP_KERNELS_H\n\n{''.join(system)}\n" + "\n\n".join(bodies) + "\n\n#endif\n"
    )


def _cmake(sources: Sequence[str], flags: str) -> str:
    return (
        "# add_subdirectory() this folder and link edgeprune_model; the compiler and its -mcpu are your project's.\n"
        "cmake_minimum_required(VERSION 3.13)\nproject(edgeprune_model C)\n\n"
        "add_library(edgeprune_model STATIC\n" + "".join(f"    {name}\n" for name in sources) + ")\n"
        "target_include_directories(edgeprune_model PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})\n"
        f"target_compile_options(edgeprune_model PRIVATE {flags})\n"
    )


def _makefile(sources: Sequence[str], target: Target, flags: str) -> str:
    cpu_flags = " ".join(("-mthumb", *Toolchain(GCC, (), "").cpu_flags(target.cpu)))
    objects = " ".join(name.replace(".c", ".o") for name in sources)
    return (
        f"# libmodel.a for {make_comment(target.name)}; for this machine: make CC=cc AR=ar CPU_FLAGS=\n"
        f"CC = arm-none-eabi-gcc\nAR = arm-none-eabi-ar\nCPU_FLAGS = {cpu_flags}\n"
        f"CFLAGS = -Wall -Wextra\n\nOBJECTS = {objects}\n\n"
        "libmodel.a: $(OBJECTS)\n\t$(AR) rcs $@ $(OBJECTS)\n\n"
        f"%.o: %.c {_MODEL_HEADER} {_KERNEL_HEADER}\n"
        f"\t$(CC) {flags} $(CPU_FLAGS) $(CFLAGS) -c $< -o $@\n\n"
        "clean:\n\trm -f libmodel.a $(OBJECTS)\n\n.PHONY: clean\n"
    )


def _readme(graph: Graph, target: Target, facts: PackageFacts, flags: str) -> str:
    ends = [
        f"| `ep_model_{side}s[{position}]` | {tensor.dtype} {list(tensor.shape)} "
        f"| {tensor.size_bytes:,} | {_scale(tensor)} |"
        for side, indices in (("input", graph.inputs), ("output", graph.outputs))
        for position, tensor in enumerate(graph.tensors[index] for index in indices)
    ]
    return _README.format(
        facts=facts, version=markdown(facts.version), model_id=markdown(facts.model_id),
        model_hash=markdown(facts.model_hash), command=markdown_code(facts.command), compiler=markdown(facts.compiler),
        target=markdown(target.name), title=markdown(target.title), ends="\n".join(ends), flags=flags,
        host=_CORE_ALONE if target.cpu.isa is Isa.MVE else _ANYWHERE,
        constant_bytes=facts.weight_bytes + facts.table_bytes,
    )  # fmt: skip


def _scale(tensor: Tensor) -> str:
    if tensor.qparams is None or len(tensor.qparams.scale) != 1:
        return "plain values"
    return f"real = (q {-tensor.qparams.zero_point[0]:+d}) * {tensor.qparams.scale[0]:.9g}"


_ANYWHERE = """for Arm and for the machine
on your desk: the core's own instructions have plain C beside them, so the package runs in unit tests there."""
_CORE_ALONE = """for Arm.
Kernels in vector instructions (`kernel_mve_*.c`) build for the core alone."""

_README = """\
# {model_id}

Generated by EdgePrune {version} for {target} ({title}): `{command}`.
SHA-256 of the model begins with {model_hash}. The same bytes out as LiteRT's reference interpreter.

    #include "ep_model.h"

    memcpy(ep_model_inputs[0].data, sample, ep_model_inputs[0].size_bytes);
    ep_model_invoke();
    const int8_t *answer = ep_model_outputs[0].data;

Nothing is initialized, allocated or freed. `ep_model_invoke` uses one static arena, so it is not reentrant, and it
may overwrite the inputs: fill them before each call. State (of LSTM and SVDF layers, and resource variables) stays in
the arena from one call to the next; `ep_model_reset` forgets it.

| tensor | type, shape | bytes | meaning |
|---|---|---|---|
{ends}

| bytes | |
|---|---|
| {facts.arena_bytes:,} | RAM: the arena (inputs, outputs and scratch included), `.bss.ep_arena`, aligned to 16 |
| {constant_bytes:,} | flash: constants; weights and biases {facts.weight_bytes:,}, tables {facts.table_bytes:,} |
| {facts.code_bytes:,} | flash: kernels and layers, as linked for {target} with {compiler} |

`edgeprune profile FILE.tflite --target {target}` measures the stack and each layer's time.

## Building

Add the `.c` files to your project, or `add_subdirectory()` the folder in CMake and link `edgeprune_model`, or `make`
for `libmodel.a`. C11; `stdint.h`, `stddef.h`, `memcpy`, `memmove` and `memset` are all it needs. Compile with

    {flags}

Aliasing and contraction are not matters of taste: the arena holds tensors of several types, and float ends must round
as the reference does. All of it compiles with `-Wall -Wextra -Werror -Wconversion` under gcc and clang, {host}

To place the arena, give `.bss.ep_arena` an address in the linker script. One such package goes into an image: names are
`ep_model_*`.

## For MISRA C:2012

No dynamic memory, no recursion, no `goto`, no unions, no variadic functions, fixed-width types throughout. Deviations
to record: directives 4.3 and 4.9 (assembler and function-like macros in `ep_kernels.h`), rules 11.3 and 11.5 (the arena
is bytes; layers see it as their tensors' types), rule 20.10 (`##` builds the specialised loops).

EdgePrune's C is licensed under Apache-2.0. The weights are yours.
"""
