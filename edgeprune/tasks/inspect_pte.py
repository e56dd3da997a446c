"""An ExecuTorch program beside our own engine's image of the same network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeprune.budget import Optimize
from edgeprune.deploy.firmware.images import linked_size
from edgeprune.engine.compile import CompileOptions, compile_named
from edgeprune.errors import UsageError
from edgeprune.export.pte.program import Program, read_pte
from edgeprune.hardware.registry import load_target


@dataclass(frozen=True)
class OwnImage:
    """Of our engine, linked for the target: what the same network takes there.

    Attributes:
        model_bytes: weights, tables and the generated calls; kernel_bytes: their code.
        runtime_bytes: start-up and console.
        arena_bytes: all tensors, inputs and outputs too; scratch of the kernels.
    """

    target: str
    model_bytes: int
    kernel_bytes: int
    runtime_bytes: int
    arena_bytes: int


def read_program(path: Path) -> Program:
    """The program in the file.

    Raises:
        UsageError: nothing there.
        ModelError: no ExecuTorch program, or a damaged one.
    """
    if not path.is_file():
        raise UsageError(f"{path} is not there", hint="give a .pte of `edgeprune export --format cortex-m`")
    return read_pte(path.read_bytes(), path.name)


def own_image(tflite: Path, target: str) -> OwnImage:
    """The int8 `.tflite` of the same network, compiled and linked.

    Raises:
        UsageError: nothing there, or a target without firmware.
        ModelError, ToolchainError: it does not compile or link.
    """
    if not tflite.is_file():
        raise UsageError(f"{tflite} is not there", hint="`edgeprune export --format int8` writes it")
    chosen = load_target(target)
    if chosen.hosted is not None:
        raise UsageError(f"{chosen.name} runs no firmware", hint="--target cortex-m4, or another microcontroller")
    model = compile_named(tflite.name, tflite.read_bytes(), chosen, CompileOptions(Optimize.BALANCED))
    size = linked_size(model, chosen)
    flash = size.flash_parts
    return OwnImage(
        chosen.name,
        flash["constants"] + flash["model"],
        flash["kernels"],
        flash["runtime"] + flash["console"],
        size.ram_parts["arena"],
    )
