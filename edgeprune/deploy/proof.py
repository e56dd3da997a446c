"""Results of a network on the device where it will run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgeprune.budget import Footprint


@dataclass(frozen=True)
class LayerTime:
    """One layer on the device; predicted and measured in ticks of its clock, None where nobody measured.

    Attributes:
        kernel: the C function at its heart; "" where layers are no kernels.
        runs_on: `ref` (plain C), or the instruction set of its kernel.
        why_plain: no faster kernel runs all of it, in words; None where one does.
        weight_bytes, table_bytes: it reads of flash: weights and biases, and what the engine adds.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    macs: int
    predicted_ticks: float | None
    measured_ticks: float | None
    kernel: str = ""
    runs_on: str = ""
    why_plain: str | None = None
    weight_bytes: int | None = None
    table_bytes: int | None = None


@dataclass(frozen=True)
class ArenaBlock:
    """Bytes of the arena that hold one thing for a while.

    Attributes:
        name: what lies there: a layer's output, the network's input, or a layer's scratch.
        first_layer, end_layer: it is alive over layers [first, end) of the network's, in execution order; end is their
            number plus one for what is read when all of them are done.
    """

    name: str
    offset_bytes: int
    size_bytes: int
    first_layer: int
    end_layer: int


@dataclass(frozen=True)
class ExitTicks:
    """Time per input on a device, in its own ticks, of a network with an early exit.

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


@dataclass(frozen=True)
class BoardTime:
    """Microseconds of an inference on a board nobody measured it on, by its core's timing tables (docs/time.md).

    Attributes:
        us: predicted; least_us, most_us: what it may be, None where nobody knows what the core's rules are off by.
        counts_flash: waits for flash are in it.
        is_calibrated: by profiles of that board.
    """

    us: float
    least_us: float | None
    most_us: float | None
    counts_flash: bool
    is_calibrated: bool


@dataclass(frozen=True, eq=False)
class Proof:
    """Results of a run on a device.

    Attributes:
        source: what ran it: a real device, an emulator of its processor, or this machine's own build of the same C.
        device: name of the target whose build counts.
        outputs: float32 (samples, C, ...) each, in the order of the network's.
        footprint: as built within the limits, with the memory the whole replay took.
        clock: what ticks are, for example "cycles".
        total_ticks, total_us: of one inference; of the longest with an early exit. Microseconds where the clock
            measures time. None where nobody measured.
        layers: in execution order.
        exit_ticks: per input, of a network with an early exit.
        arena: what lies in it when; nothing on a device without one.
        board_time: predicted, where nothing was measured and the core has timing tables.
    """

    source: Literal["emulator", "device", "host"]
    device: str
    outputs: tuple[np.ndarray, ...]
    footprint: Footprint
    clock: str
    total_ticks: float | None
    total_us: float | None
    layers: tuple[LayerTime, ...]
    exit_ticks: ExitTicks | None
    arena: tuple[ArenaBlock, ...] = ()
    board_time: BoardTime | None = None
