"""A program installed on a machine and spoken to: each command one process, each reply checked to be whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from edgeprune.deploy.hosted.replies import Times, read_outputs, read_times, values_of
from edgeprune.deploy.hosted.timing import Timing
from edgeprune.device.machines.machine import Machine, another_try
from edgeprune.errors import DeviceError
from edgeprune.toolchain.program import Program

FILE_NAME = "model"
_COMMAND = f"./{FILE_NAME}"
_ANSWER_S = 30.0
_RUN_S = 600.0
_EMULATOR_BYTES = 2 << 20
"""More than the kernel's own pages of a process, less than any emulator."""


@dataclass(frozen=True)
class Session:
    """input_bytes, layers, build_id: of the program, as it reports them; mapped_bytes: it can have resident at most."""

    machine: Machine
    folder: str
    input_bytes: int
    layers: int
    build_id: str
    mapped_bytes: int

    def outputs(self, inputs: np.ndarray, on_samples: Callable[[int], None]) -> np.ndarray:
        """(N, input bytes) uint8 -> (N, output bytes) uint8, by one process: states stay from sample to sample.

        Args:
            on_samples: called with how many more are done.

        Raises:
            DeviceError: the machine or the link failed.
        """
        sent = inputs.tobytes()
        output = self.machine.run(self.folder, [_COMMAND, "run"], sent, _RUN_S)
        rows = read_outputs(output, sent, len(inputs), self.machine.name)
        on_samples(len(inputs))
        return rows

    def times(self, sample: bytes, timing: Timing) -> Times | None:
        """Of one input on a device; None elsewhere, and where a device only seems to run the program.

        A program that asks for no memory cannot have more resident than it maps: where it has megabytes more, they are
        an emulator's, and its time is no device's.
        """
        if self.machine.source != "device":
            return None
        words = [_COMMAND, "time", *replace(timing, threads=1).words]
        times = read_times(self.machine.run(self.folder, words, sample, _RUN_S), self.layers, self.machine.name)
        return None if (times.peak_rss_bytes or 0) > self.mapped_bytes + _EMULATOR_BYTES else times

    def stack_bytes(self, sample: bytes) -> int:
        """Of one inference, in whole pages of 4 KiB."""
        output = self.machine.run(self.folder, [_COMMAND, "stack"], sample, _ANSWER_S)
        return math.ceil(_number(values_of(output, self.machine.name), "stack_bytes", self.machine.name) / 4096) * 4096


def installed(machine: Machine, program: Program) -> Session:
    """The program installed there and known to be itself.

    Raises:
        DeviceError: no machine, no room, another architecture.
    """
    folder = machine.install({FILE_NAME: program.content})
    told = values_of(machine.run(folder, [_COMMAND, "identity"], b"", _ANSWER_S), machine.name)
    if told.get("build") != program.build_id:
        raise DeviceError(
            f"{machine.name} runs build {told.get('build')}, not build {program.build_id}",
            hint=another_try(machine, folder),
        )
    input_bytes, layers = (_number(told, name, machine.name) for name in ("input_bytes", "layers"))
    return Session(machine, folder, input_bytes, layers, program.build_id, sum(program.memory_parts.values()))


def _number(values: dict[str, str], name: str, machine: str) -> int:
    text = values.get(name, "")
    if not text.isdigit():
        raise DeviceError(
            f"{machine}: the program reports '{text[:40]}' as {name}",
            hint="run it again; then report it with the model",
        )
    return int(text)
