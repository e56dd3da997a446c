"""What each operator of a model takes in somebody else's runtime on a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TimedOperator:
    """One row of a profile.

    Attributes:
        name: of the layer, or as the runtime calls it.
        operator: its kind, or what computes it.
        mean_us: of an inference, over all that were timed.
        output_shape, macs: None where the runtime does not tell which layer it is.
        predicted_us: at best, by the roofline of the target's profile; None where the layer is not known.
    """

    name: str
    operator: str
    mean_us: float
    output_shape: tuple[int, ...] | None = None
    macs: int | None = None
    predicted_us: float | None = None


@dataclass(frozen=True)
class OperatorTimes:
    """operators: in execution order; empty where none could be timed; note: how they were timed, or why not."""

    operators: Sequence[TimedOperator]
    note: str


NOT_TIMED = OperatorTimes((), "")
"""Where nothing is."""
