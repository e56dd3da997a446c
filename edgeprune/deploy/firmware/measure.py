"""A model on a board: its bytes against the host's, its memory and its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.deploy.proof import ExitTicks
from edgeprune.deploy.replay import compare_bytes
from edgeprune.device.console.console import Console
from edgeprune.device.console.replies import DeviceMemory, LayerTimings
from edgeprune.engine.compile import ExitLayers
from edgeprune.errors import VerificationError


@dataclass(frozen=True, eq=False)
class BoardRun:
    """Results of a replay on a board.

    Attributes:
        outputs: (samples, output_bytes) uint8, the output tensors' bytes end to end.
        memory: measured after the inferences.
        timings: of the last sample's input.
    """

    outputs: np.ndarray
    memory: DeviceMemory
    timings: LayerTimings


def run_samples(
    console: Console, inputs: np.ndarray, expected: np.ndarray, on_sample: Callable[[], None], timing_runs: int = 1
) -> BoardRun:
    """Runs every sample on the board and compares its bytes with the host's.

    Args:
        inputs: (samples, input_bytes) uint8.
        expected: (samples, output_bytes) uint8, from LiteRT's reference interpreter.
        on_sample: called after each sample.

    Raises:
        VerificationError: a sample differs; the message names it, the place and both values.
        DeviceError: the board does not answer as it should.
    """
    rows = []
    for number, (sample, wanted) in enumerate(zip(inputs, expected, strict=True)):
        output = np.frombuffer(console.infer(sample.tobytes()), np.uint8)
        compare_bytes(number, output, wanted, "board")
        rows.append(output)
        on_sample()
    timings = console.layers(timing_runs)
    return BoardRun(np.stack(rows), console.memory(), timings)


def memory_in_use(console: Console, input_bytes: int) -> DeviceMemory:
    """RAM after the same conversation as a replay has, which takes more stack than an inference alone."""
    console.infer(bytes(input_bytes))
    console.layers(1)
    return console.memory()


def time_samples(console: Console, inputs: np.ndarray) -> list[LayerTimings]:
    """Each of (samples, input_bytes) uint8 timed by itself."""
    all_timings = []
    for sample in inputs:
        console.load(sample.tobytes())
        all_timings.append(console.layers())
    return all_timings


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
