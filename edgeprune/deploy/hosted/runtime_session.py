"""A model file in somebody else's runtime on a machine, by a runner of ours: spoken to as to a program of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np

from edgeprune.deploy.hosted.replies import Times, read_outputs, read_times, values_of
from edgeprune.deploy.hosted.timing import Timing
from edgeprune.device.machines.local import LocalMachine
from edgeprune.device.machines.machine import Machine, another_try
from edgeprune.errors import DeviceError, ToolchainError
from edgeprune.hardware.hosted import Architecture
from edgeprune.toolchain.linux import this_machine

_ANSWER_S, _RUN_S = 60.0, 600.0


@dataclass(frozen=True)
class RuntimeSession:
    """A model there.

    Attributes:
        words: that start the runner on it, in `folder`.
        runtime: its name and version.
        input_bytes: of one sample, all inputs end to end.
        runtime_bytes: of what must lie beside the model.
        runner: files that drive the runtime there.
        is_emulated: its code is not what the processor executes, also where a device seems to run it.
    """

    machine: Machine
    folder: str
    words: tuple[str, ...]
    runtime: str
    input_bytes: int
    runtime_bytes: int
    is_emulated: bool
    runner: Mapping[str, bytes]

    @property
    def measures(self) -> bool:
        """Whether time there is a device's."""
        return self.machine.source == "device" and not self.is_emulated

    @property
    def source(self) -> str:
        """ "device", "emulator" or "host": whose processor computes."""
        return "emulator" if self.is_emulated and self.machine.source != "device" else self.machine.source

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """(N, input bytes) uint8 -> (N, output bytes) uint8, one inference after the other.

        Raises:
            DeviceError: the machine, the link or the runtime failed.
        """
        sent = inputs.tobytes()
        output = self.machine.run(self.folder, [*self.words, "run"], sent, _RUN_S)
        return read_outputs(output, sent, len(inputs), self.machine.name)

    def times(self, sample: bytes, timing: Timing) -> Times | None:
        """Of one input on a device; None elsewhere, and where a device emulates the processor."""
        if not self.measures:
            return None
        words = [*self.words, "time", *timing.words]
        return read_times(self.machine.run(self.folder, words, sample, _RUN_S), 0, self.machine.name)


@contextmanager
def this_linux(what: str) -> Iterator[tuple[LocalMachine, Architecture]]:
    """This machine, where devices are compared with the same runtime. Raises ToolchainError: it is no Linux.

    Args:
        what: runs on Linux alone.
    """
    own = this_machine()
    if own is None:
        raise ToolchainError(f"{what} runs on Linux", hint="run the command on a Linux machine")
    with closing(LocalMachine(own)) as machine:
        yield machine, own


def identity(machine: Machine, folder: str, words: tuple[str, ...]) -> dict[str, str]:
    """What the runner reports of the model it has loaded.

    Raises:
        DeviceError: it does not run there, or the runtime refuses the model.
    """
    return values_of(machine.run(folder, [*words, "identity"], b"", _ANSWER_S), machine.name)


def check_input_bytes(machine: Machine, folder: str, told: dict[str, str], wanted: int) -> None:
    """Raises DeviceError where the runner reads other samples than the file states."""
    if told.get("input_bytes") != str(wanted):
        raise DeviceError(
            f"{machine.name}: the runner reads {told.get('input_bytes')} B a sample, the file states {wanted}",
            hint=another_try(machine, folder),
        )
