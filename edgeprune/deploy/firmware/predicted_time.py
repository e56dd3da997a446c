"""Microseconds of an image on its board, from the instructions that the emulated machine executes of it."""

from __future__ import annotations

from pathlib import Path

from edgeprune.deploy.firmware.execution import executed_blocks
from edgeprune.deploy.firmware.images import emulated_target
from edgeprune.deploy.proof import BoardTime
from edgeprune.engine.cost.timing.predict import RULES, PredictedTime, predict
from edgeprune.errors import ToolchainError
from edgeprune.hardware.flash_timing import NO_WAITS, FlashTiming
from edgeprune.hardware.profile import Target


def predicted_time(emulated_elf: Path, target: Target) -> PredictedTime | None:
    """None where the target's core has no timing rules, or no emulated machine stands in for it.

    Args:
        emulated_elf: the image for the machine that stands in for the target.

    Raises:
        ToolchainError: no emulator, or no compiler for its plugin.
        DeviceError: the machine does not answer.
    """
    machine = emulated_target(target)
    if machine is None or target.cpu.core not in RULES:
        return None
    timing = flash_timing(target) or NO_WAITS
    return predict(executed_blocks(emulated_elf, machine, timing), target.cpu.core, target.cpu.clock_hz)


def board_time(emulated_elf: Path, target: Target) -> BoardTime | None:
    """The longest inference, an early exit not taken; None as `predicted_time`, or where a tool for it is missing."""
    try:
        time = predicted_time(emulated_elf, target)
    except ToolchainError:
        return None
    if time is None:
        return None
    longest = max(1.0, sum(time.layers_us) / time.us)
    least_us, most_us = time.range_us
    return BoardTime(time.us * longest, least_us * longest, most_us * longest, flash_timing(target) is not None)


def flash_timing(target: Target) -> FlashTiming | None:
    """Of the flash that code lies in; None where the target's file states none."""
    return target.region("flash").timing
