"""What profiles of a real board do to predicted times, and what the next one adds to them."""

from __future__ import annotations

from edgeprune.budget import LatencyBasis
from edgeprune.device.console.replies import LayerTimings
from edgeprune.engine.compile import CompiledModel
from edgeprune.engine.cost.calibration import calibrate, load_calibration, save_calibration
from edgeprune.engine.cost.latency import predicted_instructions
from edgeprune.engine.cost.timing.predict import RULES, PredictedTime
from edgeprune.hardware.profile import Target


def calibrated(time: PredictedTime, model: CompiledModel, target: Target) -> PredictedTime:
    """Each layer as many times as long as its kernel was measured to be; as it is where no board was profiled.

    Raises:
        UsageError: the board's calibration is damaged.
    """
    calibration = load_calibration(target.name)
    if calibration is None or calibration.basis is not LatencyBasis.BLOCKS:
        return time
    return time.calibrated([calibration.ratio(model.calls[index]) for index in model.running])


def predicted_cycles(model: CompiledModel, target: Target, time: PredictedTime | None) -> list[float | None]:
    """Of each layer that runs, for a board that measures them; None where a kernel's cost is not known.

    Args:
        time: calibrated; None where nothing predicts time: then by instructions, unless the core has timing rules.
    """
    if time is not None:
        return [layer.total for layer in time.layers]
    if target.cpu.core in RULES:
        return [None] * len(model.running)
    calibration = load_calibration(target.name)
    if calibration is not None and calibration.basis is not LatencyBasis.INSTRUCTIONS:
        calibration = None
    calls = [model.calls[index] for index in model.running]
    counts = [predicted_instructions(call, target.cpu) for call in calls]
    return [
        count if count is None or calibration is None else count * calibration.ratio(call)
        for call, count in zip(calls, counts, strict=True)
    ]


def learned(model: CompiledModel, target: Target, time: PredictedTime | None, timings: LayerTimings) -> str:
    """Keeps what a profile of the board measured beside what is predicted of it; a sentence about it.

    Args:
        time: by the core's rules alone; None where nothing predicts it.
        timings: measured by the board.
    """
    before = load_calibration(target.name)
    calls = [model.calls[index] for index in model.running]
    predicted: list[float | None]
    if time is not None:
        basis, what = LatencyBasis.BLOCKS, "of what its timing rules predict"
        predicted = [layer.total for layer in time.layers]
    elif target.cpu.core in RULES:
        return "nothing is learned from this profile: without the emulator no time is predicted to compare it with"
    else:
        basis, what = LatencyBasis.INSTRUCTIONS, "cycles an instruction"
        predicted = [predicted_instructions(call, target.cpu) for call in calls]
    cycles = [round(timings.microseconds(ticks) * target.cpu.clock_hz / 1e6) for ticks in timings.layer_ticks]
    calibration = calibrate(calls, cycles, predicted, basis)
    if calibration is None:
        return f"nothing is learned: no kernel of this model was ever measured on a {target.cpu.core}"
    path = save_calibration(target.name, before.updated(calibration) if before else calibration)
    how = "earlier profiles of this board" if before and before.basis is basis else "no profile of this board"
    return f"predicted from {how}; this one measured {calibration.whole:.2f} {what}, kept in {path}"
