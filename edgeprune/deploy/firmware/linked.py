"""A compiled model linked without limits and run once: its footprint is measured, not predicted."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from edgeprune.budget import Footprint, LatencyBasis
from edgeprune.deploy.firmware.images import link_images, measured_sizes, running_board
from edgeprune.deploy.firmware.measure import memory_in_use
from edgeprune.deploy.firmware.predicted import footprint_of
from edgeprune.deploy.firmware.predicted_time import time_if_possible, timed
from edgeprune.engine.compile import CompiledModel, CompileOptions, compile_model
from edgeprune.engine.cost.cycle_rates import CycleRates, cycle_rates
from edgeprune.engine.cost.flash_size import EngineBaseline
from edgeprune.engine.cost.latency import Rates, measured_rates, predicted_instructions
from edgeprune.engine.cost.timing.predict import PredictedTime
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.space import target_space

ROOMY_BYTES = 1 << 26
"""More than any image takes."""


@dataclass(frozen=True, eq=False)
class LinkedModel:
    """A model on its target.

    Attributes:
        tflite: the int8 file, stripped.
        model: compiled from it.
        baseline: what of the linked image and its board does not depend on the model's arrays.
        footprint: of the linked image on the board.
        instructions: of one inference to its end, as the emulated machine counts them; 0 where none was run.
        time: the slow form of it; None where none was run, or the core has no timing tables.
        again: makes such a record of a file.
    """

    tflite: bytes
    target: Target
    model: CompiledModel
    baseline: EngineBaseline
    footprint: Footprint
    instructions: int
    time: PredictedTime | None
    again: Callable[[bytes, Target, CompileOptions], LinkedModel]

    def with_faster(self, faster: frozenset[int]) -> LinkedModel:
        """The same made again with other kernels for some of its ops.

        Args:
            faster: their positions in the compiled graph.
        """
        return self.again(self.tflite, self.target, replace(self.model.options, faster=faster))

    @property
    def in_flash(self) -> LinkedModel:
        """The same with no constant in RAM."""
        options = self.model.options
        return self.again(self.tflite, self.target, replace(options, in_ram=frozenset())) if options.in_ram else self


def cycles_of(
    model: CompiledModel, target: Target, time: PredictedTime | None, rates: Rates | None = None
) -> CycleRates | None:
    """Of an image of the model; None without its time."""
    running = [model.calls[index] for index in model.running]
    taken = [predicted_instructions(call, target.cpu, rates) or 0.0 for call in running]
    return None if time is None else cycle_rates(running, taken, time)


def linked_model(tflite: bytes, target: Target, options: CompileOptions) -> LinkedModel:
    """Compiles, links and boots a file.

    Raises:
        ToolchainError, DeviceError: it cannot be built or run.
    """
    model = compile_model(tflite, target, options)
    roomy = replace(target_space(target), flash_bytes=ROOMY_BYTES, ram_bytes=ROOMY_BYTES)
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        images = link_images(model, target, Path(folder), roomy)
        with running_board(images, target) as board:
            memory = memory_in_use(board, model.input_bytes)
            timings = board.layers(1)
        assert images.emulated is not None
        time = time_if_possible(images.emulated.elf, model, target)
    instructions = timings.total_ticks
    if options.exit_margin is not None:  # this input may have left
        instructions = max(instructions, sum(timings.layer_ticks))
    sizes = measured_sizes(model, target)
    size = images.judged.size  # of the target's own image, whose variables are not the stand-in's
    measured = EngineBaseline.of(
        size.flash_parts, model.calls, size.ram_parts["data"], memory.stack_all_bytes, sizes, size.ram_parts["console"]
    )
    running = [model.calls[index] for index in model.running]
    rates = measured_rates(running, timings.layer_ticks, target.cpu)
    baseline = replace(measured, rates=rates, cycles=cycles_of(model, target, time, rates))
    counted_us = instructions * 1e6 / target.cpu.clock_hz
    footprint = replace(
        footprint_of(model, target, baseline), latency_us=counted_us, latency_basis=LatencyBasis.INSTRUCTIONS,
        latency_is_floor=False, latency_range_us=None,
    )  # fmt: skip
    return LinkedModel(tflite, target, model, baseline, timed(footprint, time), instructions, time, linked_model)
