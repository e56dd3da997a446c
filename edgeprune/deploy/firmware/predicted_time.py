"""Microseconds of an image on its board, from the instructions that the emulated machine executes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeprune.budget import Footprint, LatencyBasis
from edgeprune.deploy.firmware.execution import executed_blocks
from edgeprune.deploy.firmware.images import emulated_target
from edgeprune.deploy.proof import BoardTime
from edgeprune.engine.cost.timing.predict import RULES, PredictedTime, predict
from edgeprune.errors import ToolchainError
from edgeprune.hardware.flash_timing import NO_WAITS, FlashTiming
from edgeprune.hardware.profile import Target


def predicted_time(emulated_elf: Path, target: Target, machine: Target | None = None) -> PredictedTime | None:
    """None where the target's core has no timing rules, or no emulated machine stands in for it.

    Args:
        emulated_elf: the image for the machine that stands in for the target.
        machine: that the image was linked for, where it is another than the one that stands in.

    Raises:
        ToolchainError: no emulator, or no compiler for its plugin.
        DeviceError: the machine does not answer.
    """
    machine = machine or emulated_target(target)
    if machine is None or target.cpu.core not in RULES:
        return None
    timing = flash_timing(target) or NO_WAITS
    return predict(executed_blocks(emulated_elf, machine, timing), target.cpu.core, target.cpu.clock_hz)


def time_if_possible(emulated_elf: Path, target: Target, machine: Target | None = None) -> PredictedTime | None:
    """As `predicted_time`; None as well where a tool for it is missing."""
    try:
        return predicted_time(emulated_elf, target, machine)
    except ToolchainError:
        return None


def timed(footprint: Footprint, time: PredictedTime | None) -> Footprint:
    """With the slow form of its time, of the longest inference, an early exit not taken; as it is without one."""
    if time is None:
        return footprint
    longest = time.longest_us / time.us
    least_us, most_us = time.range_us
    return replace(
        footprint,
        latency_us=time.longest_us,
        latency_basis=LatencyBasis.BLOCKS,
        latency_range_us=(least_us * longest, most_us * longest),
    )


def board_time(time: PredictedTime | None, target: Target) -> BoardTime | None:
    """The longest inference, an early exit not taken; None where there is none."""
    if time is None:
        return None
    longest = time.longest_us / time.us
    least_us, most_us = time.range_us
    return BoardTime(time.longest_us, least_us * longest, most_us * longest, flash_timing(target) is not None)


def flash_timing(target: Target) -> FlashTiming | None:
    """Of the flash that code lies in; None where the target's file states none."""
    return target.region("flash").timing
