"""Predicted microseconds in words and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edgeprune.tasks.report.board_time import range_text
from edgeprune.units import count_text, microseconds_text

if TYPE_CHECKING:
    from edgeprune.engine.cost.timing.predict import PredictedTime
    from edgeprune.hardware.profile import Target

_CAUSES = {
    "compute": "computing",
    "memory": "loads and stores",
    "branch": "branches",
    "flash_code": "code from flash",
    "flash_data": "data from flash",
}


def time_data(time: PredictedTime) -> dict[str, Any]:
    """Cycles and microseconds of an inference and of each layer."""
    least, most = time.range_us or (None, None)
    return {
        "us": time.us,
        "least_us": least,
        "most_us": most,
        "clock_hz": time.clock_hz,
        "cycles": time.whole.total,
        "cycles_by_cause": asdict(time.whole),
        "layers_us": time.layers_us,
    }


def beside_measured(time: PredictedTime, measured_us: float) -> str:
    """Of a board that measured it: what was predicted before that."""
    by = ", by profiles of the board" if time.is_calibrated else ""
    return (
        f"predicted{by}: {microseconds_text(time.us)} ({range_text(time.range_us)}), "
        f"measured {microseconds_text(measured_us)}: {measured_us / time.us:.2f} of it"
    )


def time_lines(time: PredictedTime, target: Target) -> list[str]:
    """The figure with its range, what it is made of, and what it leaves out."""
    shares = ", ".join(
        f"{words} {100 * cycles / time.whole.total:.0f} %"
        for cause, words in _CAUSES.items()
        if (cycles := getattr(time.whole, cause)) >= 0.005 * time.whole.total
    )
    waits = "" if time.counts_flash else "; the target's file states no timing of its flash: waits for it are left out"
    by = "by profiles of the board" if time.is_calibrated else "measured by nobody"
    return [
        f"predicted on {target.name}, {by}: {microseconds_text(time.us)} "
        f"({range_text(time.range_us)}), {count_text(round(time.whole.total))} cycles at "
        f"{target.cpu.clock_hz / 1e6:g} MHz: {shares}{waits}"
    ]
