"""Thumb instructions as the timing rules see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any

import capstone
from capstone import arm

_CONDITIONS = ("eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le")
_NO_CONDITION = ("teq", "mls", "bls", "smmls")
_WIDTHS = ("", "b", "h", "sb", "sh", "t", "bt", "ht", "sbt", "sht", "ex", "exb", "exh")
_LOADS = frozenset(f"ldr{width}" for width in _WIDTHS)
_STORES = frozenset(f"str{width}" for width in _WIDTHS)
_MANY = ("ldm", "stm", "push", "pop", "vldm", "vstm", "vpush", "vpop")
_LONG_PRODUCTS = ("smull", "umull", "smlal", "umlal")
_WRITES_NOTHING = ("cmp", "cmn", "tst", "teq", "nop")


class Kind(Enum):
    LOAD = auto()
    LOAD_DOUBLE = auto()
    LOAD_MANY = auto()
    STORE = auto()
    STORE_DOUBLE = auto()
    STORE_MANY = auto()
    DIVIDE = auto()
    FLOAT = auto()
    IF_THEN = auto()
    OTHER = auto()


class Branch(Enum):
    NONE = auto()
    KNOWN = auto()  # the address stands in the instruction
    COMPUTED = auto()  # it comes from a register or memory
    CALL = auto()  # the address stands in the instruction, the link register is written


@dataclass(frozen=True)
class Instruction:
    """name: without condition and type suffixes; bytes: 2 or 4.

    Attributes:
        words: that a load or store of many moves.
        address_registers: that make its address.
        written: registers a plain load or data processing writes.
        read: its operands but the first.
        is_indexed: the address is a sum of two registers.
        is_shifted: an operand is shifted on its way.
    """

    name: str
    kind: Kind
    bytes: int
    address: int
    words: int
    address_registers: frozenset[int]
    written: frozenset[int]
    read: frozenset[int]
    is_indexed: bool
    is_shifted: bool
    branch: Branch


@cache
def _decoder() -> capstone.Cs:
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    decoder.detail = True
    return decoder


def instructions(address: int, code: bytes) -> Iterator[Instruction]:
    """Of a block, in order. What cannot be decoded (data that is no code) ends it."""
    for one in _decoder().disasm(code, address):
        yield _instruction(one)


def _instruction(one: Any) -> Instruction:
    name = _name(one)
    kind = _kind(one, name)
    memory = [operand.mem for operand in one.operands if operand.type == arm.ARM_OP_MEM]
    registers = [operand.reg for operand in one.operands if operand.type == arm.ARM_OP_REG]
    addressed = {part for operand in memory for part in (operand.base, operand.index)} - {0}
    if name in ("push", "pop", "vpush", "vpop"):
        addressed.add(arm.ARM_REG_SP)
    elif not memory and registers and name.startswith(("ldm", "stm", "vldm", "vstm")):
        addressed.add(registers[0])
    return Instruction(
        name, kind, one.size, one.address, _words(one, name, registers), frozenset(addressed),
        _written(name, kind, registers), frozenset(registers[1:]),
        any(operand.index for operand in memory), any(operand.shift.type for operand in one.operands),
        _branch(one, name, registers),
    )  # fmt: skip


def _name(one: Any) -> str:
    name = str(one.mnemonic).split(".")[0]
    has_condition = one.cc not in (arm.ARM_CC_AL, arm.ARM_CC_INVALID) and name[-2:] in _CONDITIONS
    if has_condition and name not in _NO_CONDITION and not name.startswith("it"):
        return name[:-2] or name
    return name


def _kind(one: Any, name: str) -> Kind:
    is_double_word = bool(one.operands) and str(one.reg_name(one.operands[0].reg)).startswith("d")
    if name.startswith(_MANY):
        return Kind.LOAD_MANY if name.startswith(("ldm", "pop", "vldm", "vpop")) else Kind.STORE_MANY
    if name in ("ldrd", "ldrexd") or (name == "vldr" and is_double_word):
        return Kind.LOAD_DOUBLE
    if name in ("strd", "strexd") or (name == "vstr" and is_double_word):
        return Kind.STORE_DOUBLE
    if name in _LOADS or name == "vldr":
        return Kind.LOAD
    if name in _STORES:
        return Kind.STORE
    if name == "vstr":
        return Kind.STORE_MANY
    if name in ("sdiv", "udiv"):
        return Kind.DIVIDE
    if name.startswith("it") and set(name[1:]) <= set("te"):
        return Kind.IF_THEN
    return Kind.FLOAT if name.startswith("v") else Kind.OTHER


def _words(one: Any, name: str, registers: list[int]) -> int:
    if name == "vstr":
        return 1
    if not name.startswith(_MANY):
        return 0
    listed = registers[1:] if name.startswith(("ldm", "stm", "vldm", "vstm")) else registers
    return sum(2 if str(one.reg_name(register)).startswith("d") else 1 for register in listed)


def _written(name: str, kind: Kind, registers: list[int]) -> frozenset[int]:
    if kind is Kind.LOAD:
        return frozenset(registers[:1])
    if kind is Kind.FLOAT and name.startswith(
        ("vmla", "vmls", "vfma", "vfms", "vnml", "vdiv", "vsqrt", "vadd", "vsub", "vmul", "vnmu")
    ):
        return frozenset(registers[:1])
    if kind in (Kind.OTHER, Kind.DIVIDE) and name not in _WRITES_NOTHING:
        return frozenset(registers[: 2 if name in _LONG_PRODUCTS else 1])
    return frozenset()


def _branch(one: Any, name: str, registers: list[int]) -> Branch:
    if name in ("tbb", "tbh", "bx", "blx"):
        return Branch.COMPUTED
    if name == "bl":
        return Branch.CALL
    is_address = len(one.operands) == 1 and one.operands[0].type == arm.ARM_OP_IMM
    if name in ("b", "cbz", "cbnz") or (str(one.mnemonic).startswith("b") and is_address and name != "bkpt"):
        return Branch.KNOWN
    if arm.ARM_REG_PC in registers and name not in ("adr", "add", "cmp"):
        return Branch.COMPUTED
    return Branch.NONE
