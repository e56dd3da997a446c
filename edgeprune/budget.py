"""Limits, what a model needs of them, and whether it fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """What the whole firmware may use, user's reserves already taken off. None: not limited.

    max_drop_points: accuracy that may be lost, in points of the metric (0..100).
    """

    flash_bytes: int
    ram_bytes: int
    latency_us: float | None = None
    max_drop_points: float | None = None


@dataclass(frozen=True)
class Footprint:
    """Bytes a firmware needs, by part.

    flash_parts: `weights`, `tables`, `kernels`, `runtime` (start-up, console, C library), ...
    ram_parts: `arena`, `stack`, `data`.
    peak_layer: the layer during which the arena is fullest.
    latency_us: predicted or measured; None where no clock is known.
    """

    flash_parts: Mapping[str, int]
    ram_parts: Mapping[str, int]
    peak_layer: str
    macs: int
    latency_us: float | None = None

    @property
    def flash_bytes(self) -> int:
        return sum(self.flash_parts.values())

    @property
    def ram_bytes(self) -> int:
        return sum(self.ram_parts.values())

    def excess(self, budget: Budget) -> Mapping[str, float]:
        """Limit -> how many times over it this is (1.0 just meets it)."""
        ratios = {"flash": self.flash_bytes / budget.flash_bytes, "ram": self.ram_bytes / budget.ram_bytes}
        if budget.latency_us is not None and self.latency_us is not None:
            ratios["latency"] = self.latency_us / budget.latency_us
        return ratios

    def fits(self, budget: Budget) -> bool:
        return all(ratio <= 1.0 for ratio in self.excess(budget).values())
