"""Cortex-M7: in order, two instructions a cycle where their units and operands allow it.

Arm publishes no timings of it. Units, latencies and what is issued alone are those of LLVM's scheduling model
(llvm/lib/Target/ARM/ARMScheduleM7.td), which says of itself what it approximates. Choices of ours: two words a cycle
for loads and stores of many, and a branch predictor that is right about what a branch does mostly. Nobody compared
these rules with a board.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from edgeprune.engine.cost.timing.cycles import Cycles
from edgeprune.engine.cost.timing.instruction import Branch, Instruction, Kind

_MISPREDICTED = 4.0
_DIVISION, _ROOT = 7, 16
_LONG_AGO = -8
_MULTIPLIES = ("mul", "mla", "mls", "sml", "smul", "umul", "umlal", "umaal", "smm", "smu")
_SIMD = (
    "sxt", "uxt", "sadd", "uadd", "ssub", "usub", "shadd", "uhadd", "qadd", "qsub", "uqadd", "uqsub", "sel", "pkh",
    "ssat", "usat", "sbfx", "ubfx", "rev", "rbit", "usad",
)  # fmt: skip
_LATE_SIMD = ("ssat", "usat", "qadd", "qsub", "uqadd", "uqsub", "usad")
_SHIFTS = ("lsl", "lsr", "asr", "ror", "pkh", "ssat", "usat", "sbfx", "ubfx", "rev", "rbit", "bfi", "bfc")
_FIRST_ALONE = ("bfi", "bfc", "clz")
_ALONE = ("mrs", "msr", "dsb", "dmb", "isb", "tbb", "tbh", "vmrs", "vmsr")
_LATE_FLOAT = ("vmla", "vmls", "vfma", "vfms", "vnmla", "vnmls", "vfnma", "vfnms")
_ROOTS = ("vdiv", "vsqrt")


class _Unit(Enum):
    ALU = auto()
    LOAD = auto()
    STORE = auto()
    MAC = auto()
    SHIFT = auto()
    SIMD = auto()
    BRANCH = auto()
    FLOAT = auto()


_ROOM = Counter({_Unit.ALU: 2, _Unit.LOAD: 2})  # of the others there is one


@dataclass
class _Pipeline:
    """cycle: of the last issue; beside: units of what was issued in it, None where nothing more fits."""

    cycle: int = -1
    issued: int = 0
    beside: Counter[_Unit] | None = None
    ready: dict[int, int] = field(default_factory=dict)
    loaded: dict[int, int] = field(default_factory=dict)

    def issue(self, one: Instruction) -> tuple[int, bool]:
        """Cycles that pass before it is issued, and whether it waits for a load."""
        earliest, is_load = self._operands(one)
        units = Counter(_units(one))
        start = max(self.cycle, earliest)
        if start > self.cycle or not self._fits(one, units):
            start = max(self.cycle + 1, earliest)
            self.issued, self.beside = 0, Counter()
        passed, self.cycle = start - self.cycle, start
        self.issued += 1
        assert self.beside is not None
        self.beside = None if _is_alone(one) else self.beside + units
        occupied = _occupied(one)
        if occupied > 1:
            self.cycle, self.beside = start + occupied - 1, None
            passed += occupied - 1
        for register in one.written:
            self.ready[register] = self.cycle + _latency(one)
            self.loaded[register] = self.ready[register] if one.kind is Kind.LOAD else 0
        return passed, is_load and start == earliest and passed > 1

    def _fits(self, one: Instruction, units: Counter[_Unit]) -> bool:
        if self.beside is None or self.issued >= 2 or _is_alone(one) or one.name.startswith((*_SIMD, *_FIRST_ALONE)):
            return False
        return all(self.beside[unit] + count <= (_ROOM[unit] or 1) for unit, count in units.items())

    def _operands(self, one: Instruction) -> tuple[int, bool]:
        """The first cycle in which all of them are there, and whether the last is a load's."""
        needs = [(self.ready.get(register, _LONG_AGO) + 1, register) for register in one.address_registers]
        early = 1 if one.is_shifted or one.name.startswith(("ssat", "usat", "rev", "rbit", "sbfx", "ubfx")) else 0
        for register in _read(one):
            is_sum = _is_multiply(one) and register in one.written
            late = -1 if is_sum or one.kind is Kind.STORE else 0
            needs.append((self.ready.get(register, _LONG_AGO) + early + late, register))
        earliest, register = max(needs, default=(_LONG_AGO, 0))
        return earliest, self.loaded.get(register, 0) > self.cycle


@dataclass(frozen=True)
class CortexM7Rules:
    odd_entry: float = 0.0

    def straight(self, code: list[Instruction]) -> Cycles:
        pipeline, compute, memory = _Pipeline(), 0.0, 0.0
        for one in code:
            passed, waits_for_load = pipeline.issue(one)
            if waits_for_load or one.kind in _ACCESSES:
                memory += passed
            else:
                compute += passed
        return Cycles(compute, memory)

    def branches(self, branch: Branch, count: float, taken: float) -> float:
        """Of a branch that was executed `count` times: of those that the predictor is wrong about."""
        if branch is Branch.NONE:
            return 0.0
        return _MISPREDICTED * min(taken, count - taken)


_ACCESSES = (
    Kind.LOAD, Kind.LOAD_DOUBLE, Kind.LOAD_MANY, Kind.STORE, Kind.STORE_DOUBLE, Kind.STORE_MANY,
)  # fmt: skip


def _is_multiply(one: Instruction) -> bool:
    return one.kind is Kind.OTHER and one.name.startswith(_MULTIPLIES)


def _read(one: Instruction) -> frozenset[int]:
    """A short form names what it reads and writes once."""
    return one.read or (one.written if not one.name.startswith(("mov", "mvn")) else frozenset())


def _units(one: Instruction) -> Iterator[_Unit]:
    if one.kind in (Kind.LOAD, Kind.LOAD_DOUBLE, Kind.LOAD_MANY):
        yield _Unit.LOAD
    elif one.kind in (Kind.STORE, Kind.STORE_DOUBLE, Kind.STORE_MANY):
        yield _Unit.STORE
    elif one.kind is Kind.FLOAT:
        yield _Unit.FLOAT
    elif one.branch is not Branch.NONE:
        yield _Unit.BRANCH
    elif _is_multiply(one):
        yield _Unit.MAC
    else:
        yield _Unit.ALU
        if one.name.startswith(_SIMD):
            yield _Unit.SIMD
        if one.is_shifted or one.name.startswith(_SHIFTS):
            yield _Unit.SHIFT


def _is_alone(one: Instruction) -> bool:
    many = (Kind.LOAD_DOUBLE, Kind.LOAD_MANY, Kind.STORE_DOUBLE, Kind.STORE_MANY, Kind.DIVIDE)
    return one.kind in many or one.name in _ALONE


def _occupied(one: Instruction) -> int:
    """Cycles in which nothing else is issued but beside it."""
    if one.kind is Kind.DIVIDE:
        return _DIVISION
    if one.kind in (Kind.LOAD_MANY, Kind.STORE_MANY):
        return max(1, (one.words + 1) // 2)
    return _ROOT if one.name.startswith(_ROOTS) else 2 if one.name in ("tbb", "tbh") else 1


def _latency(one: Instruction) -> int:
    if one.kind is Kind.LOAD:
        return 1 if one.name in ("ldr", "vldr") else 2
    if one.kind is Kind.FLOAT:
        return 6 if one.name.startswith(_LATE_FLOAT) else 3
    if _is_multiply(one) or one.name.startswith(_LATE_SIMD):
        return 2
    return 1


CORTEX_M7 = CortexM7Rules()
