"""Limits, what a model needs of them, whether it fits, and what flash may be spent on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf

from edgeprune.errors import UsageError


class Optimize(StrEnum):
    """How much flash is traded for speed."""

    SIZE = "size"
    BALANCED = "balanced"
    SPEED = "speed"


@dataclass(frozen=True)
class Limits:
    """What the user asked for; None leaves it to the target.

    flash_bytes, ram_bytes: of the whole image and all RAM. reserve_*: kept for the user's own code.
    """

    flash_bytes: int | None = None
    ram_bytes: int | None = None
    latency_us: float | None = None
    max_drop_points: float | None = None
    reserve_flash_bytes: int = 0
    reserve_ram_bytes: int = 0

    def __post_init__(self) -> None:
        """Raises UsageError for a limit nothing can be within, or that is no number."""
        for name, value in (("flash", self.flash_bytes), ("ram", self.ram_bytes), ("latency", self.latency_us)):
            if value is not None and not 0 < value < inf:
                raise UsageError(
                    f"a limit of {value:g} for {name} leaves nothing", hint=f"give --{name} more, or leave it away"
                )
        if self.max_drop_points is not None and not 0 <= self.max_drop_points < inf:
            raise UsageError(
                f"{self.max_drop_points:g} are no points that may be lost", hint="--max-drop takes 0 and more"
            )


@dataclass(frozen=True)
class Budget:
    """What may be used on a device, user's reserves already taken off. None: not limited.

    max_drop_points: accuracy that may be lost, in points of the metric (0..100).
    """

    flash_bytes: int
    ram_bytes: int
    latency_us: float | None = None
    max_drop_points: float | None = None


class LatencyBasis(StrEnum):
    """Where the microseconds of an inference come from."""

    INSTRUCTIONS = "instructions"
    """Instructions of the emulated core at one cycle each: nothing is known of the core's timing."""
    KERNELS = "kernels"
    """The fast form: predicted instructions, at the cycles that each kernel takes on this core and its flash."""
    BLOCKS = "blocks"
    """The slow form: executed blocks of the image itself, by the core's timing tables and its flash."""
    CALIBRATED_KERNELS = "calibrated kernels"
    CALIBRATED_BLOCKS = "calibrated blocks"
    """Likewise, each kernel as many times as long as a profile of the real board measured it."""
    ROOFLINE = "roofline"
    """What a processor with an operating system does not go below."""
    DEVICE = "device"
    """Measured."""

    @property
    def words(self) -> str:
        return _BASIS_WORDS[self]


_BASIS_WORDS = {
    LatencyBasis.INSTRUCTIONS: "one cycle an instruction",
    LatencyBasis.KERNELS: "predicted by its kernels",
    LatencyBasis.BLOCKS: "predicted by its image",
    LatencyBasis.CALIBRATED_KERNELS: "predicted by its kernels and the board's profile",
    LatencyBasis.CALIBRATED_BLOCKS: "predicted by its image and the board's profile",
    LatencyBasis.ROOFLINE: "at least, by the roofline",
    LatencyBasis.DEVICE: "measured",
}


SPARE_RAM = "constants"
"""The part of RAM that nothing needs: constants that were copied to what was left over of it."""


@dataclass(frozen=True)
class Footprint:
    """Bytes a network needs on a device, by part.

    flash_parts: what is stored; of a firmware `weights`, `tables`, `kernels`, `runtime` (start-up, C library) and
        `console`, which a firmware of the user's own need not have.
    ram_parts: what it takes while it runs; of a firmware `arena`, `stack`, `data`, `console`, and what `SPARE_RAM`
        says.
    peak_layer: the layer during which activations take most.
    latency_us: predicted or measured; None where no clock is known.
    latency_is_floor: it may take longer: something is left out (a roofline, waits for flash that nobody stated), or
        nobody knows what its rules are off by.
    latency_basis: where it comes from; None where it is None.
    latency_range_us: the least and the most it may be; None where nothing says so.
    """

    flash_parts: Mapping[str, int]
    ram_parts: Mapping[str, int]
    peak_layer: str
    macs: int
    latency_us: float | None = None
    latency_is_floor: bool = False
    latency_basis: LatencyBasis | None = None
    latency_range_us: tuple[float, float] | None = None

    @property
    def flash_bytes(self) -> int:
        return sum(self.flash_parts.values())

    @property
    def ram_bytes(self) -> int:
        return sum(self.ram_parts.values())

    @property
    def needed_ram_bytes(self) -> int:
        """Without what lies there because there was room."""
        return self.ram_bytes - self.ram_parts.get(SPARE_RAM, 0)

    @property
    def activation_bytes(self) -> int:
        """Of RAM, what shrinks with channel counts: the arena, or all of it where it has no such part."""
        return self.ram_parts.get("arena", self.ram_bytes)

    def excess(self, budget: Budget) -> Mapping[str, float]:
        """Limit -> how many times over it this is (1.0 just meets it)."""
        ratios = {"flash": self.flash_bytes / budget.flash_bytes, "ram": self.ram_bytes / budget.ram_bytes}
        if budget.latency_us is not None and self.judged_us is not None:
            ratios["latency"] = self.judged_us / budget.latency_us
        return ratios

    @property
    def judged_us(self) -> float | None:
        """What a limit of latency is compared with: the most it may be, by the known error of its prediction."""
        return self.latency_us if self.latency_range_us is None else self.latency_range_us[1]

    @property
    def predicts_time(self) -> bool:
        """Whether its time can hold a limit: it is known, all of it, and as time."""
        is_counted = self.latency_basis is not LatencyBasis.INSTRUCTIONS
        return self.latency_us is not None and is_counted and not self.latency_is_floor

    def unjudged(self, budget: Budget) -> tuple[str, ...]:
        """Limits that are not known to be broken, and that nothing says are held."""
        if budget.latency_us is None or self.predicts_time:
            return ()
        return ("latency",) if self.judged_us is None or self.judged_us <= budget.latency_us else ()

    def exceeds(self, budget: Budget) -> bool:
        """Whether a limit is known to be broken."""
        return any(ratio > 1.0 for ratio in self.excess(budget).values())

    def fits(self, budget: Budget) -> bool:
        """Whether every limit holds; one that could not be judged does not."""
        return not self.exceeds(budget) and not self.unjudged(budget)
