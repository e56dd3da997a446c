"""What a runner of the user's own reports of whole inferences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """runs: inferences they are of; values: `mean_us` and whatever else it prints, microseconds."""

    runs: int
    values: Mapping[str, float]
