"""The last word: an image linked within the limits, its bytes on the board the host's, its time layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from edgeprune.budget import Footprint
from edgeprune.build.space import target_space
from edgeprune.deploy import Images, link_images, running_board
from edgeprune.fitting.candidate import Candidate
from edgeprune.fitting.job import Job
from edgeprune.measure import BoardRun, ExitTicks, byte_rows, exit_ticks, run_samples, save_samples, time_samples
from edgeprune.quantize.host import Kernels, channels_last, deployed_outputs, quantized_inputs, real_outputs

_ALIGNMENT_BYTES = 32


@dataclass(frozen=True, eq=False)
class Proof:
    """What was proved.

    Attributes:
        images: linked within the limits.
        run: what the board showed; with an early exit, timed on the input that took longest.
        score: the metric of the board's own answers.
        ticks: per input, of a network with an early exit.
    """

    images: Images
    run: BoardRun
    score: float
    ticks: ExitTicks | None

    def footprint(self, candidate: Candidate) -> Footprint:
        """As linked, with the stack the whole replay took."""
        memory = self.run.memory
        return replace(
            candidate.footprint,
            flash_parts=dict(self.images.judged.size.flash_parts),
            ram_parts={
                "arena": memory.arena_bytes,
                "data": memory.data_bytes,
                "stack": memory.stack_all_bytes,
            },
        )


def prove(job: Job, candidate: Candidate) -> Proof:
    """Links within the limits, all RAM that is left being stack, and replays test samples on the board.

    Raises:
        DoesNotFit: the image leaves the limits.
        VerificationError: the board computed other bytes than LiteRT's reference interpreter.
        DeviceError: no board, or it does not answer.
    """
    used = candidate.footprint.ram_parts["arena"] + candidate.footprint.ram_parts["data"]
    space = replace(
        target_space(job.target),
        flash_bytes=job.budget.flash_bytes,
        ram_bytes=job.budget.ram_bytes,
        stack_bytes=(job.budget.ram_bytes - used - _ALIGNMENT_BYTES) // 8 * 8,
    )
    images = link_images(candidate.model, job.target, job.workspace.folder / "firmware", space)
    samples = job.splits.test.take(job.options.board_samples)
    inputs = quantized_inputs(candidate.tflite, channels_last(samples))
    host = deployed_outputs(candidate.tflite, inputs, candidate.exit_margin, Kernels.REFERENCE)
    expected, ticks = host.outputs, None
    with (
        job.progress.task("replaying test samples on the board", len(inputs)) as task,
        running_board(images, job.target, job.options.port) as board,
    ):
        run = run_samples(board, byte_rows(inputs), byte_rows(expected), task.advance)
        if candidate.early_exit is not None:
            timings = time_samples(board, byte_rows(inputs))
            ticks = exit_ticks(timings, host.left, candidate.model.exit_layers)
            longest = max(timings, key=lambda one: one.total_ticks)
            run = replace(run, timings=replace(longest, total_ticks=ticks.most))
    save_samples(job.workspace.folder / "samples.npz", inputs, expected, samples.targets.numpy())
    answers = run.outputs.view(np.int8).reshape(expected.shape)
    outputs = torch.from_numpy(real_outputs(candidate.tflite, answers))
    return Proof(images, run, float(job.objective.metric.score(outputs, samples.targets)), ticks)
