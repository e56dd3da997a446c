"""An ExecuTorch program on a machine: `firmware/hosted/executorch/runner.cpp`, spoken to as to a program of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np

from edgeprune.deploy.hosted.place import architecture_on, machine_for
from edgeprune.deploy.hosted.runtime_session import RuntimeSession, check_input_bytes, identity, this_linux
from edgeprune.device.machines import adb
from edgeprune.device.machines.machine import Machine
from edgeprune.errors import DeviceError, UsageError
from edgeprune.export.pte.program import Program
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.executorch import Runner, build_runner, with_c_library

_FILE_NAME = "model.pte"
_ITEM_BYTES = {"float32": 4, "int8": 1, "uint8": 1, "int32": 4, "int64": 8, "float16": 2, "int16": 2, "bool": 1}


def input_bytes_of(program: Program) -> int:
    """Of one sample, all inputs end to end.

    Raises:
        DeviceError: an element type that no runner here knows.
    """
    total = 0
    for end in program.inputs:
        if end.dtype not in _ITEM_BYTES:
            raise DeviceError(f"an input of {end.dtype} cannot be sent", hint="export it with float32 or int8 inputs")
        total += _ITEM_BYTES[end.dtype] * int(np.prod(end.shape))
    return total


@contextmanager
def running_pte(data: bytes, program: Program, target: Target, address: str | None) -> Iterator[RuntimeSession]:
    """The program where it runs: on the device there, else emulated or on this machine.

    Raises:
        UsageError: ExecuTorch's libraries for that architecture are not here.
        DeviceError, ToolchainError: no device, another architecture, no compiler.
    """
    with closing(machine_for(target, address)) as machine:
        architecture = architecture_on(machine, target)
        runner = build_runner(architecture)
        if address is not None and address.startswith(adb.SCHEME):
            runner = with_c_library(runner, architecture)  # Android's C library is another
        yield _installed(machine, data, program, runner)


def check_kernels(program: Program) -> None:
    """Raises UsageError where a kernel is for Cortex-M."""
    foreign = next((one.name for one in program.operators if one.name.startswith("cortex_m::")), None)
    if foreign is not None:
        raise UsageError(
            f"{foreign} is a kernel for Cortex-M: no ExecuTorch library for Linux has it",
            hint="--format xnnpack is for Linux and Android; `edgeprune inspect FILE.pte --beside` compares sizes",
        )


@contextmanager
def running_here(data: bytes, program: Program) -> Iterator[RuntimeSession]:
    """The program on this machine, by the same runtime: what a device's outputs are compared with."""
    with this_linux("the runner of ExecuTorch programs") as (machine, own):
        yield _installed(machine, data, program, build_runner(own))


def _installed(machine: Machine, data: bytes, program: Program, runner: Runner) -> RuntimeSession:
    """Known to load the program, and to read as many bytes as its file states."""
    folder = machine.install({**runner.files, _FILE_NAME: data})
    words = (*runner.words, _FILE_NAME)
    told = identity(machine, folder, words)
    wanted = input_bytes_of(program)
    check_input_bytes(machine, folder, told, wanted)
    is_emulated = told.get("emulated") == "1"
    name = f"ExecuTorch {runner.version}"
    return RuntimeSession(machine, folder, words, name, wanted, runner.size_bytes, is_emulated, runner.files)
