"""Cycles by cause, and what every core's rules answer."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

from edgeprune.engine.cost.timing.instruction import Branch, Instruction


@dataclass(frozen=True)
class Cycles:
    """Of some executed code. compute: issue, multiplications, divisions and floating point."""

    compute: float = 0.0
    memory: float = 0.0
    branch: float = 0.0
    flash_code: float = 0.0
    flash_data: float = 0.0

    @property
    def core(self) -> float:
        """Without waits for flash."""
        return self.compute + self.memory + self.branch

    @property
    def total(self) -> float:
        return self.core + self.flash_code + self.flash_data

    def __add__(self, other: Cycles) -> Cycles:
        return Cycles(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def times(self, factor: float) -> Cycles:
        return Cycles(*(getattr(self, one.name) * factor for one in fields(self)))


class CoreRules(Protocol):
    """How long a core takes, all memory being without waits."""

    def straight(self, code: list[Instruction]) -> Cycles:
        """Of one execution of a block, what taking its branch adds left out."""
        ...

    def branches(self, branch: Branch, count: float, taken: float) -> float:
        """Cycles that `count` executions of a branch add, `taken` of which do not go on at the next address."""
        ...

    @property
    def odd_entry(self) -> float:
        """Cycles more for a branch to a 32-bit instruction on an odd halfword."""
        ...
