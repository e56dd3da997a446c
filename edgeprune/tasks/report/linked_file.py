"""An int8 `.tflite` of anyone's, linked for a target, run on the machine that stands in, and looked into."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from edgeprune.deploy.firmware.images import Images, emulated_target, link_images, running_board
from edgeprune.deploy.firmware.predicted_time import board_time, time_if_possible
from edgeprune.deploy.firmware.verified import Verified, verify_build
from edgeprune.deploy.laid_out import arena_blocks, layer_times
from edgeprune.deploy.proof import ArenaBlock, BoardTime, LayerTime
from edgeprune.device.console.replies import LayerTimings
from edgeprune.device.emulator.emulator import find_emulator
from edgeprune.engine.compile import CompileOptions, compile_named
from edgeprune.engine.cost.latency import predicted_instructions
from edgeprune.errors import ToolchainError, UsageError
from edgeprune.hardware.profile import Target
from edgeprune.toolchain.size import ImageSize
from edgeprune.toolchain.space import LinkSpace, target_space


@dataclass(frozen=True, eq=False)
class LinkedFile:
    """What became of the file.

    Attributes:
        sha256: of the `.tflite`.
        size: of the image that counts, the console in it.
        space: what the target leaves.
        verified: inputs whose bytes were LiteRT's, or why none was run.
        layers: in execution order, measured on the emulated machine where one stands in.
        timings: of an inference there; None where none does.
        board_time: predicted; None where the core has no timing tables.
        macs: of one inference.
    """

    name: str
    sha256: str
    target: str
    command: str
    size: ImageSize
    space: LinkSpace
    verified: Verified
    layers: tuple[LayerTime, ...]
    arena: tuple[ArenaBlock, ...]
    arena_bytes: int
    timings: LayerTimings | None
    board_time: BoardTime | None
    macs: int


def link_file(path: Path, target: Target, options: CompileOptions, folder: Path) -> LinkedFile:
    """Built in `folder` and run.

    Raises:
        UsageError: no such file, or a target without firmware.
        ModelError, ToolchainError, DoesNotFit: it cannot be built.
        VerificationError, DeviceError: the emulated machine computes other bytes, or does not answer.
    """
    if target.hosted is not None:
        raise UsageError(
            f"{target.name} runs programs: the page of a file shows firmware",
            hint=f"edgeprune profile {path} --target {target.name}",
        )
    tflite = path.read_bytes()
    model = compile_named(path.name, tflite, target, options)
    images = link_images(model, target, folder)
    verified = verify_build(model, tflite, images, target)
    timings, time = _timings(images, target), None
    if timings is not None and images.emulated is not None:
        time = time_if_possible(images.emulated.elf, model, target)
    ran_on = target if target.firmware is not None else emulated_target(target) or target
    predicted = [predicted_instructions(call, ran_on.cpu) for call in model.calls]
    measured = [None] * len(model.running) if timings is None else timings.layer_ticks
    return LinkedFile(
        name=path.name,
        sha256=hashlib.sha256(tflite).hexdigest(),
        target=target.name,
        command=options.command,
        size=images.judged.size,
        space=target_space(target),
        verified=verified,
        layers=layer_times(model, target, predicted, measured),
        arena=arena_blocks(model),
        arena_bytes=model.plan.arena_bytes,
        timings=timings,
        board_time=board_time(time),
        macs=sum(call.work.macs for call in model.calls),
    )


def _timings(images: Images, target: Target) -> LayerTimings | None:
    if images.emulated is None:
        return None
    try:
        find_emulator()
    except ToolchainError:
        return None
    with running_board(images, target) as board:
        board.load(bytes(board.identity().input_bytes))
        return board.layers(1)
