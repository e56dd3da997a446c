"""Cortex-M3, M4 and M33: three stages, loads behind loads overlap.

Arm 100166 (Cortex-M4 TRM, Processor timing: instruction set summary, load/store timings), Arm 100165 (Cortex-M3 TRM,
likewise). Arm publishes none for the M33; the M4's rules are taken for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgeprune.engine.cost.timing.cycles import Cycles
from edgeprune.engine.cost.timing.instruction import Branch, Instruction, Kind

_FUSED = ("vmla", "vmls", "vfma", "vfms", "vnmla", "vnmls", "vfnma", "vfnms")
_ROOTS = ("vdiv", "vsqrt")
_PRODUCES_LATE = ("vadd", "vsub", "vmul", "vnmul", *_FUSED, *_ROOTS)


@dataclass(frozen=True)
class Armv7mRules:
    """extra: name of an instruction -> cycles beyond the first; divide: of SDIV and UDIV, which take 2 to 12."""

    extra: Mapping[str, int] = field(default_factory=dict)
    divide: int = 6
    odd_entry: float = 1.0

    def branches(self, branch: Branch, count: float, taken: float) -> float:
        return taken * (1.0 if branch in (Branch.KNOWN, Branch.CALL) else 2.0)

    def straight(self, code: list[Instruction]) -> Cycles:
        compute = memory = 0.0
        before: Instruction | None = None
        for one in code:
            compute += self._compute(one, before)
            memory += _memory(one, before)
            before = one
        return Cycles(compute, memory)

    def _compute(self, one: Instruction, before: Instruction | None) -> float:
        if one.kind is Kind.IF_THEN:  # folded into a 16-bit instruction before it
            return 0.0 if before is not None and before.bytes == 2 else 1.0
        if one.kind is Kind.DIVIDE:
            return float(self.divide)
        if one.kind is Kind.FLOAT:
            if one.name.startswith(_ROOTS):
                return 14.0
            if one.name.startswith(_FUSED):
                return 3.0
            late = before is not None and before.name.startswith(_PRODUCES_LATE)
            return 2.0 if late and before is not None and before.written & one.read else 1.0
        return 1.0 + self.extra.get(one.name, 0) + (1.0 if one.name in ("tbb", "tbh") else 0.0)


def _memory(one: Instruction, before: Instruction | None) -> float:
    """Cycles beyond the first."""
    follows_load = before is not None and before.kind is Kind.LOAD and not before.written & one.address_registers
    late = before is not None and before.kind in (Kind.OTHER, Kind.DIVIDE) and before.written & one.address_registers
    generation = 1.0 if late else 0.0
    if one.kind is Kind.LOAD:
        return generation + (0.0 if follows_load else 1.0)
    if one.kind is Kind.STORE:
        return generation + (1.0 if one.is_indexed and not follows_load else 0.0)
    if one.kind in (Kind.LOAD_DOUBLE, Kind.STORE_DOUBLE):
        return generation + 2.0
    if one.kind in (Kind.LOAD_MANY, Kind.STORE_MANY):
        return generation + one.words
    return 0.0


CORTEX_M4 = Armv7mRules()
CORTEX_M3 = Armv7mRules({"mla": 1, "mls": 1, "smull": 3, "umull": 3, "smlal": 4, "umlal": 4})
