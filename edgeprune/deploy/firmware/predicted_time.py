"""Microseconds of an image on its board, from the instructions that the emulated machine executes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeprune.budget import Footprint, LatencyBasis
from edgeprune.deploy.firmware.board_calibration import calibrated
from edgeprune.deploy.firmware.execution import executed_blocks
from edgeprune.deploy.firmware.images import emulated_target
from edgeprune.deploy.proof import BoardTime
from edgeprune.engine.compile import CompiledModel
from edgeprune.engine.cost.timing.predict import RULES, PredictedTime, predict
from edgeprune.errors import ToolchainError
from edgeprune.hardware.flash_timing import NO_WAITS, FlashTiming
from edgeprune.hardware.profile import Target


def predicted_time(emulated_elf: Path, target: Target, machine: Target | None = None) -> PredictedTime | None:
    """By the rules alone. None where the target's core has no timing rules, or no emulated machine stands in for it.

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
    timing = flash_timing(target)
    blocks = executed_blocks(emulated_elf, machine, timing or NO_WAITS)
    time = predict(blocks, target.cpu.core, target.cpu.clock_hz)
    return None if time is None else replace(time, counts_flash=timing is not None)


def calibrated_time(
    emulated_elf: Path, model: CompiledModel, target: Target, machine: Target | None = None
) -> PredictedTime | None:
    """As `predicted_time`, by what profiles of the real board measured where there are any.

    Args:
        model: the image's.

    Raises:
        UsageError: the board's calibration is damaged.
    """
    time = predicted_time(emulated_elf, target, machine)
    return None if time is None else calibrated(time, model, target)


def time_if_possible(
    emulated_elf: Path, model: CompiledModel, target: Target, machine: Target | None = None
) -> PredictedTime | None:
    """As `calibrated_time`; None as well where a tool for it is missing."""
    try:
        return calibrated_time(emulated_elf, model, target, machine)
    except ToolchainError:
        return None


def timed(footprint: Footprint, time: PredictedTime | None) -> Footprint:
    """With the slow form of its time, of the longest inference, an early exit not taken; as it is without one."""
    if time is None:
        return footprint
    return replace(
        footprint,
        latency_us=time.longest_us,
        latency_is_floor=time.range_us is None or not time.counts_flash,
        latency_basis=LatencyBasis.CALIBRATED_BLOCKS if time.is_calibrated else LatencyBasis.BLOCKS,
        latency_range_us=_longest_range_us(time),
    )


def board_time(time: PredictedTime | None) -> BoardTime | None:
    """The longest inference, an early exit not taken; None where there is none."""
    if time is None:
        return None
    least_us, most_us = _longest_range_us(time) or (None, None)
    return BoardTime(time.longest_us, least_us, most_us, time.counts_flash, time.is_calibrated)


def _longest_range_us(time: PredictedTime) -> tuple[float, float] | None:
    if time.range_us is None:
        return None
    longest, (least_us, most_us) = time.longest_us / time.us, time.range_us
    return least_us * longest, most_us * longest


def flash_timing(target: Target) -> FlashTiming | None:
    """Of the flash that code lies in; None where the target's file states none."""
    return target.region("flash").timing
