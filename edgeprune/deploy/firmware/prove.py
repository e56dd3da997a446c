"""Proof: an image linked within the limits, its bytes on the board the host's, its time layer by layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.budget import Footprint
from edgeprune.deploy.firmware.images import link_images, running_board
from edgeprune.deploy.firmware.linked import LinkedModel
from edgeprune.deploy.firmware.measure import BoardRun, exit_ticks, run_samples, time_samples
from edgeprune.deploy.firmware.predicted_time import board_time
from edgeprune.deploy.laid_out import arena_blocks, layer_times
from edgeprune.deploy.proof import Proof
from edgeprune.deploy.protocol import Setup
from edgeprune.deploy.replay import byte_rows, real_rows, save_samples
from edgeprune.engine.cost.latency import predicted_instructions
from edgeprune.quantize.host import Kernels, deployed_outputs, quantized_inputs
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
    used = linked.footprint.ram_parts["arena"] + linked.footprint.ram_parts["data"]
    space = replace(
        target_space(setup.target),
        flash_bytes=limits.flash_bytes,
        ram_bytes=limits.ram_bytes,
        stack_bytes=(limits.ram_bytes - used - _ALIGNMENT_BYTES) // 8 * 8,
    )
    images = link_images(model, setup.target, setup.workspace.folder / "firmware", space)
    inputs = quantized_inputs(linked.tflite, channels_last(samples))
    host = deployed_outputs(linked.tflite, inputs, model.options.exit_margin, Kernels.REFERENCE)
    expected, ticks = np.concatenate([byte_rows(output) for output in host.outputs], axis=1), None
    with (
        setup.progress.task("replaying test samples on the board", len(inputs)) as task,
        running_board(images, setup.target, setup.port) as board,
    ):
        run = run_samples(board, byte_rows(inputs), expected, task.advance)
        if model.options.exit_margin is not None:
            timings = time_samples(board, byte_rows(inputs))
            ticks = exit_ticks(timings, host.left, model.exit_layers)
            longest = max(timings, key=lambda one: one.total_ticks)
            run = replace(run, timings=replace(longest, total_ticks=ticks.most))
    save_samples(setup.workspace.folder / "samples.npz", inputs, expected.view(np.int8), samples.targets.numpy())
    predicted = [predicted_instructions(call, linked.target.cpu) for call in model.calls]
    clock, total_ticks = run.timings.clock_source, run.timings.total_ticks
    return Proof(
        source="emulator" if setup.port is None else "device",
        device=images.judged.target,
        outputs=real_rows(linked.tflite, run.outputs, host.outputs),
        footprint=_footprint(linked, images.judged.size, run),
        clock=clock,
        total_ticks=total_ticks,
        total_us=None if clock == "instructions" else run.timings.microseconds(total_ticks),
        layers=layer_times(model, linked.target, predicted, run.timings.layer_ticks),
        exit_ticks=ticks,
        arena=arena_blocks(model),
        board_time=board_time(images.emulated.elf, setup.target) if setup.port is None and images.emulated else None,
    )


def _footprint(linked: LinkedModel, size: ImageSize, run: BoardRun) -> Footprint:
    """As linked, with the stack the whole replay took. The variables are those of the target's own image."""
    memory = run.memory
    ram_parts = {"arena": memory.arena_bytes, "data": size.ram_parts["data"], "stack": memory.stack_all_bytes}
    return replace(linked.footprint, flash_parts=dict(size.flash_parts), ram_parts=ram_parts)
