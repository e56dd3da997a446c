"""A run folder or an int8 `.tflite` whose file runs in LiteRT, not as a program of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields

import numpy as np

from edgeprune.deploy.hosted.litert import running_litert, running_litert_here
from edgeprune.deploy.hosted.runtime_session import RuntimeSession
from edgeprune.device.found import Kind
from edgeprune.errors import UsageError
from edgeprune.tasks.program_subject import ProgramSubject
from edgeprune.tasks.replaying import Replaying
from edgeprune.tasks.runtimes.agreement import Computed, RuntimeVerified, compare_runtimes
from edgeprune.tasks.samples import Samples, real_values
from edgeprune.tasks.score import scored
from edgeprune.tasks.subject import Subject


@dataclass(frozen=True, eq=False)
class LitertSubject(ProgramSubject):
    """The same file, interpreted."""

    @staticmethod
    def of(subject: Subject | ProgramSubject) -> LitertSubject:
        """Raises UsageError: a microcontroller, or a network with an early exit."""
        if not isinstance(subject, ProgramSubject):
            raise UsageError(
                f"{subject.target.name} has no operating system that LiteRT runs on",
                hint="leave --runtime away; on a microcontroller our own program runs",
            )
        if subject.exit_margin is not None:
            raise UsageError(
                f"{subject.name} has an early exit, which LiteRT computes past",
                hint="leave --runtime away: our own program leaves there",
            )
        return LitertSubject(**{field.name: getattr(subject, field.name) for field in fields(subject)})

    @property
    def input_bytes(self) -> int:
        """Of one sample, all inputs end to end."""
        return self.model.input_bytes

    @contextmanager
    def interpreted(self, address: str | None) -> Iterator[RuntimeSession]:
        """In LiteRT on the device there, on the only one connected when that is "auto", or here.

        Raises:
            UsageError, DeviceError, ToolchainError: as `running_litert`.
        """
        place = self.address_of(address, (Kind.SSH,))
        with running_litert(self.tflite, self.input_bytes, self.target, place) as session:
            yield session

    @contextmanager
    def replaying(self, address: str | None) -> Iterator[Replaying]:
        """As `interpreted`, for samples."""
        with self.interpreted(address) as session:

            def outputs(inputs: np.ndarray) -> Iterator[np.ndarray]:
                yield from session.outputs(inputs)

            note = f"computed by {session.runtime} on {session.machine.name}"
            yield Replaying(session.source, "runtime", session.runtime, outputs, note)


def verify_litert(subject: LitertSubject, samples: Samples, address: str | None) -> RuntimeVerified:
    """Replays samples there and in this machine's LiteRT.

    Raises:
        UsageError: no device: LiteRT would be compared with itself.
        VerificationError: as `compare_runtimes`.
    """
    if address is None:
        raise UsageError(
            "without a device LiteRT on this machine would be compared with itself",
            hint="--device ssh://USER@HOST, or leave --runtime away: our own program is compared with LiteRT",
        )
    rows = samples.input_rows
    with subject.interpreted(address) as session:
        there = _computed(subject, samples, session.outputs(rows))
    with running_litert_here(subject.tflite, subject.input_bytes) as local:
        here = _computed(subject, samples, local.outputs(rows))
    return compare_runtimes(session, there, here, scored(subject, samples, there.rows))


def _computed(subject: LitertSubject, samples: Samples, rows: np.ndarray) -> Computed:
    graph = subject.model.graph
    ends = [graph.tensors[index] for index in graph.outputs]
    values = [real_values(end, part) for end, part in zip(ends, samples.outputs_of(rows), strict=True)]
    steps = tuple(end.qparams.scale[0] if end.qparams is not None and end.qparams.scale else None for end in ends)
    return Computed(rows, tuple(np.asarray(each, np.float32).reshape(len(rows), -1) for each in values), steps)
