"""A model on a board: its bytes against the host's, its memory and its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeprune.atomic import file
from edgeprune.deploy import ExitLayers
from edgeprune.device.console import Console
from edgeprune.device.replies import DeviceMemory, LayerTimings
from edgeprune.errors import VerificationError


@dataclass(frozen=True, eq=False)
class BoardRun:
    """What a board showed.

    Attributes:
        outputs: (samples, output_bytes) uint8, the output tensors' bytes end to end.
        memory: measured after the inferences.
        timings: of the last sample's input.
    """

    outputs: np.ndarray
    memory: DeviceMemory
    timings: LayerTimings


def save_samples(path: Path, inputs: np.ndarray, expected: np.ndarray, targets: np.ndarray) -> None:
    """Keeps what a board was asked and what it had to answer, as `inputs`, `expected` and `targets` of an `.npz`."""
    with file(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, inputs=inputs, expected=expected, targets=targets)


def byte_rows(tensors: np.ndarray) -> np.ndarray:
    """(N, ...) of any type -> (N, bytes) uint8."""
    return np.ascontiguousarray(tensors).reshape(len(tensors), -1).view(np.uint8)


def run_samples(
    console: Console, inputs: np.ndarray, expected: np.ndarray, on_sample: Callable[[], None], timing_runs: int = 1
) -> BoardRun:
    """Runs every sample on the board and compares its bytes with the host's.

    Args:
        inputs: (samples, input_bytes) uint8.
        expected: (samples, output_bytes) uint8, from LiteRT's reference interpreter.
        on_sample: called after each sample.

    Raises:
        VerificationError: a sample differs; says which, where, and what each side computed.
        DeviceError: the board does not answer as it should.
    """
    rows = []
    for number, (sample, wanted) in enumerate(zip(inputs, expected, strict=True)):
        answer = np.frombuffer(console.infer(sample.tobytes()), np.uint8)
        _compare(number, answer, wanted)
        rows.append(answer)
        on_sample()
    timings = console.layers(timing_runs)
    return BoardRun(np.stack(rows), console.memory(), timings)


def memory_in_use(console: Console, input_bytes: int) -> DeviceMemory:
    """RAM after the same conversation as a replay has, which takes more stack than an inference alone."""
    console.infer(bytes(input_bytes))
    console.layers(1)
    return console.memory()


@dataclass(frozen=True)
class ExitTicks:
    """Time per input on a board, in its own ticks, of a network with an early exit.

    Attributes:
        inputs: that were timed.
        share: of them (0..1) that left early.
        mean, least: of a whole inference.
        most: the longest; where none stayed to the end, all layers one by one.
        without: of the network without its exit: its layers one by one, the exit's own left out.
    """

    inputs: int
    share: float
    mean: float
    least: int
    most: int
    without: int


def time_samples(console: Console, inputs: np.ndarray) -> list[LayerTimings]:
    """Each of (samples, input_bytes) uint8 timed by itself."""
    found = []
    for sample in inputs:
        console.load(sample.tobytes())
        found.append(console.layers())
    return found


def exit_ticks(timings: Sequence[LayerTimings], left: np.ndarray, exit_layers: ExitLayers) -> ExitTicks:
    """What leaving early saved.

    Args:
        timings: one for each input.
        left: bool, the inputs that leave by the host's reckoning.

    Raises:
        VerificationError: by its time, an input left that should have stayed, or the other way round.
    """
    for number, (timing, leaves) in enumerate(zip(timings, left, strict=True)):
        late = sum(timing.layer_ticks[index] for index in exit_layers.late)
        saved = sum(timing.layer_ticks) - timing.total_ticks
        if leaves != (2 * saved > late):
            raise VerificationError(
                f"sample {number} {'leaves' if leaves else 'stays'} by the host's reckoning, and took the board "
                f"{saved:,} ticks less than all its layers; {late:,} of them lie behind the exit",
                hint="this is a fault of the engine: keep the model and report it",
            )
    totals = np.array([timing.total_ticks for timing in timings])
    layers = timings[int(totals.argmax())].layer_ticks
    return ExitTicks(
        inputs=len(totals),
        share=float(left.mean()),
        mean=float(totals.mean()),
        least=int(totals.min()),
        most=sum(layers) if left.all() else int(totals.max()),
        without=sum(ticks for index, ticks in enumerate(layers) if index not in exit_layers.own),
    )


def _compare(number: int, answer: np.ndarray, wanted: np.ndarray) -> None:
    if len(answer) != len(wanted):
        raise VerificationError(
            f"sample {number}: the board answers {len(answer)} bytes, the host {len(wanted)}",
            hint="another model may be on the board: `edgeprune flash` this one",
        )
    differing = np.flatnonzero(answer != wanted)
    if len(differing):
        first = int(differing[0])
        raise VerificationError(
            f"sample {number}: {len(differing)} of {len(wanted)} output bytes differ; byte {first} is "
            f"{int(answer[first])} on the board and {int(wanted[first])} on the host",
            hint="this is a fault of the engine: keep the model and report it; `--optimize size` uses plainer kernels",
        )
