"""An ExecuTorch program on a machine: `firmware/hosted/executorch/runner.cpp`, spoken to as to a program of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np

from edgeprune.deploy.hosted.place import architecture_on, machine_for
from edgeprune.deploy.hosted.replies import Times, read_outputs, read_times, values_of
from edgeprune.device.machines.local import LocalMachine
from edgeprune.device.machines.machine import Machine
from edgeprune.errors import DeviceError, ToolchainError, UsageError
from edgeprune.export.pte.program import Program
from edgeprune.hardware.hosted import Architecture
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.executorch import RUNNER_NAME, build_runner
from edgeprune.toolchain.linux import this_machine

_FILE_NAME = "model.pte"
_ANSWER_S, _RUN_S = 60.0, 600.0
_ITEM_BYTES = {"float32": 4, "int8": 1, "uint8": 1, "int32": 4, "int64": 8, "float16": 2, "int16": 2, "bool": 1}


@dataclass(frozen=True)
class PteSession:
    """A program there.

    Attributes:
        runtime_bytes: of the runner and ExecuTorch's libraries, beside the program itself.
        is_emulated: its code is not what the processor executes, also where a device seems to run it.
    """

    machine: Machine
    folder: str
    program: Program
    runtime_bytes: int
    is_emulated: bool

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """(N, input bytes) uint8 -> (N, output bytes) uint8, one inference after the other.

        Raises:
            DeviceError: the machine, the link or ExecuTorch failed.
        """
        sent = inputs.tobytes()
        output = self.machine.run(self.folder, [f"./{RUNNER_NAME}", _FILE_NAME, "run"], sent, _RUN_S)
        return read_outputs(output, sent, len(inputs), self.machine.name)

    def times(self, sample: bytes, warm_up: int, runs: int, core: int | None = None) -> Times | None:
        """Of one input on a device; None elsewhere, and where a device emulates the processor."""
        if self.machine.source != "device" or self.is_emulated:
            return None
        pinned = [] if core is None else [str(core)]
        words = [f"./{RUNNER_NAME}", _FILE_NAME, "time", str(warm_up), str(runs), *pinned]
        return read_times(self.machine.run(self.folder, words, sample, _RUN_S), 0, self.machine.name)


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
def running_pte(data: bytes, program: Program, target: Target, address: str | None) -> Iterator[PteSession]:
    """The program where it runs: on the device there, else emulated or on this machine.

    Raises:
        UsageError: ExecuTorch's libraries for that architecture are not here.
        DeviceError, ToolchainError: no device, another architecture, no compiler.
    """
    with closing(machine_for(target, address)) as machine:
        yield _installed(machine, data, program, architecture_on(machine, target))


def check_kernels(program: Program) -> None:
    """Raises UsageError where a kernel is for Cortex-M."""
    foreign = next((one.name for one in program.operators if one.name.startswith("cortex_m::")), None)
    if foreign is not None:
        raise UsageError(
            f"{foreign} is a kernel for Cortex-M: no ExecuTorch library for Linux has it",
            hint="--format xnnpack is for Linux and Android; `edgeprune inspect FILE.pte --beside` compares sizes",
        )


@contextmanager
def running_here(data: bytes, program: Program) -> Iterator[PteSession]:
    """The program on this machine, by the same runtime: what a device's outputs are compared with."""
    own = this_machine()
    if own is None:
        raise ToolchainError("ExecuTorch programs are compared on Linux", hint="run the command on a Linux machine")
    with closing(LocalMachine(own)) as machine:
        yield _installed(machine, data, program, own)


def _installed(machine: Machine, data: bytes, program: Program, architecture: Architecture) -> PteSession:
    """Known to load the program, and to read as many bytes as its file states."""
    runner = build_runner(architecture)
    folder = machine.install({**runner.files, _FILE_NAME: data})
    words = [f"./{RUNNER_NAME}", _FILE_NAME, "identity"]
    told = values_of(machine.run(folder, words, b"", _ANSWER_S), machine.name)
    wanted = input_bytes_of(program)
    if told.get("input_bytes") != str(wanted):
        raise DeviceError(
            f"{machine.name}: the runner reads {told.get('input_bytes')} B a sample, the file states {wanted}",
            hint="remove the folder `edgeprune` in the cache there, then run it again",
        )
    return PteSession(machine, folder, program, runner.size_bytes, told.get("emulated") == "1")
