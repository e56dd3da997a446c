"""Predicted microseconds in words and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

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
    least, most = time.range_us
    return {
        "us": time.us,
        "least_us": least,
        "most_us": most,
        "clock_hz": time.clock_hz,
        "cycles": time.whole.total,
        "cycles_by_cause": asdict(time.whole),
        "layers_us": time.layers_us,
    }


def time_lines(time: PredictedTime, target: Target) -> list[str]:
    """The figure with its range, what it is made of, and what it leaves out."""
    least, most = time.range_us
    shares = ", ".join(
        f"{words} {100 * cycles / time.whole.total:.0f} %"
        for cause, words in _CAUSES.items()
        if (cycles := getattr(time.whole, cause)) >= 0.005 * time.whole.total
    )
    is_stated = target.region("flash").timing is not None
    waits = "" if is_stated else "; the target's file states no timing of its flash, so waits for it are not in it"
    return [
        f"predicted on {target.name}, measured by nobody: {microseconds_text(time.us)} "
        f"({microseconds_text(least)} to {microseconds_text(most)}), {count_text(round(time.whole.total))} cycles at "
        f"{target.cpu.clock_hz / 1e6:g} MHz: {shares}{waits}"
    ]
