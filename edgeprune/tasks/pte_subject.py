"""An ExecuTorch program made ready to run: on a device with an operating system, or where one stands in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import prod
from pathlib import Path

import numpy as np

from edgeprune.deploy.hosted.pte import check_kernels, running_here, running_pte
from edgeprune.device.discovery.discover import choose_device, find_devices
from edgeprune.device.found import Ability, Kind
from edgeprune.errors import DataError, UsageError
from edgeprune.export.pte.program import Program, PteTensor
from edgeprune.files.bounded import Unreadable, read_npz
from edgeprune.hardware.profile import Target
from edgeprune.hardware.registry import load_target
from edgeprune.tasks.inspect_pte import read_program
from edgeprune.tasks.program_subject import AUTO
from edgeprune.tasks.runtimes.agreement import Computed, RuntimeVerified, compare_runtimes
from edgeprune.tasks.samples import check_output_bytes
from edgeprune.tasks.score import score_of_file

_SEED = 0


@dataclass(frozen=True, eq=False)
class PteSubject:
    """name: of the file; data: all of it; address: of the device; None: this machine stands in."""

    name: str
    data: bytes
    program: Program
    target: Target
    address: str | None

    @staticmethod
    def open(path: Path, target: str | None, address: str | None) -> PteSubject:
        """Raises UsageError, ModelError: no file, a damaged one, no target, or one without an operating system."""
        program = read_program(path)
        if target is None:
            raise UsageError(f"{path.name} names no target", hint="--target pi4, or a TOML file of your own")
        chosen = load_target(target)
        if chosen.hosted is None:
            raise UsageError(
                f"{chosen.name} has no operating system that ExecuTorch's libraries run on",
                hint="`edgeprune inspect FILE.pte --beside FILE.tflite` compares what each would take there",
            )
        check_kernels(program)
        if address == AUTO:
            address = choose_device(find_devices(), Ability.PROFILE, (Kind.SSH, Kind.ADB), chosen.name).address
        return PteSubject(path.name, path.read_bytes(), program, chosen, address)

    def samples(self, count: int, data: Path | None) -> tuple[np.ndarray, np.ndarray | None]:
        """(N, input bytes) uint8 and labels: `x` and `y` of an `.npz`, or normal values drawn at random.

        Raises:
            DataError: the file does not suit the program.
        """
        if len(self.program.inputs) != 1 or self.program.inputs[0].dtype != "float32":
            raise DataError(
                f"{self.name} reads {len(self.program.inputs)} inputs, the first {self.program.inputs[0].dtype}",
                hint="samples are sent to programs with one float32 input",
            )
        end, labels = self.program.inputs[0], None
        shape = end.shape[1:]
        if data is None:
            drawn = np.random.default_rng(_SEED).standard_normal((count, *shape))
            values = drawn.astype(np.float32)
        else:
            values, labels = _from_file(data, count, shape)
        rows = np.ascontiguousarray(in_memory_order(values, end)).reshape(len(values), -1).view(np.uint8)
        return rows, labels


def verify_pte(subject: PteSubject, count: int, data: Path | None) -> RuntimeVerified:
    """Replays samples there and here, by the same runtime.

    Raises:
        VerificationError: as `compare_runtimes`.
    """
    rows, labels = subject.samples(count, data)
    with running_pte(subject.data, subject.program, subject.target, subject.address) as session:
        got = session.outputs(rows)
    with running_here(subject.data, subject.program) as here:
        wanted = here.outputs(rows)
    steps = tuple(end.step for end in subject.program.outputs)
    there, own = (Computed(each, outputs_of(subject.program, each), steps) for each in (got, wanted))
    shaped = there.outputs[0].reshape(len(rows), *subject.program.outputs[0].shape[1:])
    return compare_runtimes(session, there, own, score_of_file(shaped, len(subject.program.outputs), labels))


def outputs_of(program: Program, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """(N, bytes) uint8 -> (N, values) float32 of each output; VerificationError where they are of other sizes."""
    types = [np.dtype(end.dtype) for end in program.outputs]
    sizes = [prod(end.shape) * dtype.itemsize for end, dtype in zip(program.outputs, types, strict=True)]
    check_output_bytes(rows, sum(sizes))
    parts = np.split(rows, list(accumulate(sizes)), axis=1)
    return tuple(
        np.asarray(np.ascontiguousarray(part).view(dtype), np.float32)
        for part, dtype in zip(parts, types, strict=False)
    )


def in_memory_order(values: np.ndarray, end: PteTensor) -> np.ndarray:
    """(N, ...) with axes from the outermost in memory to the innermost."""
    return values.transpose(0, *(axis for axis in end.order if axis != 0)) if end.order[:1] == (0,) else values


def _from_file(data: Path, count: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        arrays = read_npz(data, ("x", "y"))
        values = arrays["x"][:count]
    except (Unreadable, OSError, KeyError, IndexError) as problem:
        raise DataError(f"{data} cannot be read: {problem}", hint="an .npz with x and, for accuracy, y") from problem
    if values.shape[1:] != shape or values.dtype.kind != "f" or len(values) == 0:
        raise DataError(
            f"{data}: x is {values.dtype} {values.shape}, the program takes (N, {', '.join(map(str, shape))})"
        )
    labels = arrays.get("y")
    if labels is not None and (labels.ndim == 0 or len(labels[:count]) != len(values)):
        raise DataError(f"{data}: y is {labels.shape} for {len(values)} samples", hint="one label a sample")
    return values.astype(np.float32), None if labels is None else labels[:count]
