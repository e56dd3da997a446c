"""Predicted time in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeprune.units import microseconds_text

if TYPE_CHECKING:
    from edgeprune.deploy.proof import BoardTime
    from edgeprune.fitting.record import BoardTimeRecord


def board_time_words(time: BoardTime | BoardTimeRecord, target: str) -> str:
    """Of one inference on the board itself, with what it may be."""
    range_us = None if time.least_us is None or time.most_us is None else (time.least_us, time.most_us)
    waits = "" if time.counts_flash else "; waits for flash are not in it: the target's file states no timing"
    by = "by profiles of this board" if time.is_calibrated else "measured by nobody"
    return f"predicted on {target}, {by}: {microseconds_text(time.us)} ({range_text(range_us)}){waits}"


def range_text(range_us: tuple[float, float] | None) -> str:
    """Of a prediction."""
    if range_us is None:
        return "nobody knows what that is off by"
    return " to ".join(microseconds_text(us) for us in range_us)
