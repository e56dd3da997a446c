"""Cortex-M0 and M0+ with the single-cycle multiplier: nothing overlaps.

Arm DDI 0432C (Cortex-M0 TRM, table 3-1) and DDI 0484C (Cortex-M0+ TRM, table 3-1).
"""

from __future__ import annotations

from dataclasses import dataclass

from edgeprune.engine.cost.timing.cycles import Cycles
from edgeprune.engine.cost.timing.instruction import Branch, Instruction, Kind

_SYSTEM = ("mrs", "msr", "dsb", "dmb", "isb")


@dataclass(frozen=True)
class Armv6mRules:
    """Cycles that a branch adds to its first when it is taken; `pop` with the program counter is a computed one."""

    known: float
    computed: float
    call: float
    odd_entry: float = 0.0

    def branches(self, branch: Branch, count: float, taken: float) -> float:
        return taken * {Branch.KNOWN: self.known, Branch.CALL: self.call}.get(branch, self.computed)

    def straight(self, code: list[Instruction]) -> Cycles:
        compute = sum(4.0 if one.name in _SYSTEM else 1.0 for one in code)
        memory = sum(float(one.words) if one.words else 1.0 for one in code if _is_access(one))
        return Cycles(compute, memory)


def _is_access(one: Instruction) -> bool:
    return one.kind in (Kind.LOAD, Kind.STORE, Kind.LOAD_MANY, Kind.STORE_MANY)


CORTEX_M0 = Armv6mRules(known=2.0, computed=2.0, call=3.0)
CORTEX_M0PLUS = Armv6mRules(known=1.0, computed=1.0, call=2.0)
