"""A run folder or an int8 `.tflite` for a device with an operating system, made ready to run there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeprune.deploy.hosted.built import build_programs
from edgeprune.deploy.hosted.place import architecture_on, machine_for, words_for
from edgeprune.deploy.hosted.session import Session, installed
from edgeprune.device.discovery.discover import choose_device, find_devices
from edgeprune.device.found import Ability, Kind
from edgeprune.engine.compile import CompiledModel
from edgeprune.fitting.record import RunRecord
from edgeprune.hardware.profile import Target
from edgeprune.tasks.replaying import Replaying

AUTO = "auto"


@dataclass(frozen=True, eq=False)
class ProgramSubject:
    """Something that runs as a program.

    Attributes:
        name: as it was given.
        target: what it is for.
        tflite: the model file.
        model: compiled from it.
        record: of the run it came from.
        samples: the run's own, as `deploy/replay.py` keeps them.
    """

    name: str
    target: Target
    tflite: bytes
    model: CompiledModel
    record: RunRecord | None = None
    samples: Path | None = None

    @property
    def exit_margin(self) -> int | None:
        """At which an input leaves at the run's early exit; None without one."""
        return self.record.early_exit.margin if self.record and self.record.early_exit else None

    def address_of(self, given: str | None, kinds: Sequence[Kind] = (Kind.SSH, Kind.ADB)) -> str | None:
        """Of the only device connected when "auto" is given, else what was given.

        Raises:
            DeviceError: none is connected, or several are.
        """
        if given != AUTO:
            return given
        return choose_device(find_devices(), Ability.PROFILE, kinds, self.target.name).address

    @contextmanager
    def running(self, address: str | None) -> Iterator[Session]:
        """The program where it runs: on the device there, on the only one connected when that is "auto", or here.

        Raises:
            DeviceError: no device, several and none chosen, another architecture, a link that fails.
            ToolchainError: nothing builds or runs such programs here.
        """
        with closing(machine_for(self.target, self.address_of(address))) as machine:
            programs = build_programs(self.model, self.target, architecture_on(machine, self.target))
            yield installed(machine, programs.running)

    @contextmanager
    def replaying(self, address: str | None) -> Iterator[Replaying]:
        """As `running`, for samples."""
        with self.running(address) as session:

            def outputs(inputs: np.ndarray) -> Iterator[np.ndarray]:
                yield from session.outputs(inputs, lambda samples: None)

            note = words_for(session.machine, self.target)
            yield Replaying(session.machine.source, "program", session.build_id, outputs, note)
