"""Proof: an image linked within the limits, its bytes on the board the host's, its time layer by layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.budget import SPARE_RAM, Footprint, LatencyBasis
from edgeprune.deploy.firmware.images import link_images, running_board
from edgeprune.deploy.firmware.linked import LinkedModel
from edgeprune.deploy.firmware.measure import BoardRun, exit_ticks, run_samples, time_samples
from edgeprune.deploy.firmware.predicted_time import board_time, time_if_possible, timed
from edgeprune.deploy.laid_out import arena_blocks, layer_times
from edgeprune.deploy.proof import Proof
from edgeprune.deploy.protocol import Setup
from edgeprune.deploy.replay import byte_rows, real_rows, save_samples
from edgeprune.engine.cost.latency import predicted_instructions
from edgeprune.quantize.host import Kernels, deployed_outputs, input_rows, quantized_inputs
from edgeprune.toolchain.size import ImageSize
from edgeprune.toolchain.space import target_space
from edgeprune.train.evaluate_int8 import channels_last
from edgeprune.train.splits import Split

_ALIGNMENT_BYTES = 32


def prove(setup: Setup, linked: LinkedModel, samples: Split) -> Proof:
    """Links within the limits, all RAM that is left being stack, and replays test samples on the board.

    Raises:
        DoesNotFit: the image leaves the limits.
        VerificationError: the board computed other bytes than LiteRT's reference interpreter.
        DeviceError: no board, or it does not answer.
    """
    limits, model = setup.limits, linked.model
    used = linked.footprint.ram_bytes - linked.footprint.ram_parts["stack"]
    space = replace(
        target_space(setup.target),
        flash_bytes=limits.flash_bytes,
        ram_bytes=limits.ram_bytes,
        stack_bytes=(limits.ram_bytes - used - _ALIGNMENT_BYTES) // 8 * 8,
    )
    images = link_images(model, setup.target, setup.workspace.folder / "firmware", space)
    inputs = quantized_inputs(linked.tflite, channels_last(samples))
    input_bytes = input_rows(linked.tflite, inputs)
    host = deployed_outputs(linked.tflite, inputs, model.options.exit_margin, Kernels.REFERENCE)
    expected, ticks = np.concatenate([byte_rows(output) for output in host.outputs], axis=1), None
    with (
        setup.progress.task("replaying test samples on the board", len(inputs)) as task,
        running_board(images, setup.target, setup.port) as board,
    ):
        run = run_samples(board, input_bytes, expected, task.advance)
        if model.options.exit_margin is not None:
            timings = time_samples(board, input_bytes)
            ticks = exit_ticks(timings, host.left, model.exit_layers)
            longest = max(timings, key=lambda one: one.total_ticks)
            run = replace(run, timings=replace(longest, total_ticks=ticks.most))
    save_samples(setup.workspace.folder / "samples.npz", inputs, expected.view(np.int8), samples.targets.numpy())
    predicted = [predicted_instructions(call, linked.target.cpu) for call in model.calls]
    clock, total_ticks = run.timings.clock_source, run.timings.total_ticks
    total_us = None if clock == "instructions" else run.timings.microseconds(total_ticks)
    time = time_if_possible(images.emulated.elf, model, setup.target) if images.emulated and total_us is None else None
    footprint = _footprint(linked, images.judged.size, run)
    return Proof(
        source="emulator" if setup.port is None else "device",
        device=images.judged.target,
        outputs=real_rows(linked.tflite, run.outputs, host.outputs),
        footprint=timed(footprint, time) if total_us is None else _measured(footprint, total_us),
        clock=clock,
        total_ticks=total_ticks,
        total_us=total_us,
        layers=layer_times(model, linked.target, predicted, run.timings.layer_ticks),
        exit_ticks=ticks,
        arena=arena_blocks(model),
        board_time=board_time(time),
    )


def _footprint(linked: LinkedModel, size: ImageSize, run: BoardRun) -> Footprint:
    """As linked, with the stack the whole replay took. The variables are those of the target's own image."""
    memory, spare_bytes = run.memory, linked.footprint.ram_parts.get(SPARE_RAM, 0)
    data_bytes = size.ram_parts["data"] - spare_bytes
    ram_parts = {"arena": memory.arena_bytes, "data": data_bytes, "stack": memory.stack_all_bytes}
    ram_parts["console"] = size.ram_parts["console"]
    ram_parts |= {SPARE_RAM: spare_bytes} if spare_bytes else {}
    return replace(linked.footprint, flash_parts=dict(size.flash_parts), ram_parts=ram_parts)


def _measured(footprint: Footprint, us: float) -> Footprint:
    return replace(
        footprint, latency_us=us, latency_is_floor=False, latency_basis=LatencyBasis.DEVICE, latency_range_us=None
    )
