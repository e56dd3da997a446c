"""The meaning of a fault line of the firmware. Bits: Armv7-M ARM B3.2.15 (CFSR) and B3.2.16 (HFSR)."""

from __future__ import annotations

import re

from edgeprune.errors import DeviceError

_REGISTER = re.compile(r" ([a-z0-9]+)=([0-9a-f]{8})")
_STACK_LIMIT = 1 << 20  # Armv8-M
_MEANINGS = (
    (1 << 0, "instruction fetched where none may be"),
    (1 << 1, "data access where none may be"),
    (1 << 8, "bus error fetching an instruction"),
    (1 << 9, "bus error at a known address"),
    (1 << 10, "bus error at an unknown address"),
    (1 << 12, "bus error saving registers: stack overflow"),
    (1 << 16, "undefined instruction"),
    (1 << 17, "jump out of Thumb code"),
    (1 << 19, "floating point instruction without an FPU"),
    (1 << 24, "unaligned access"),
    (1 << 25, "division by zero"),
)


def describe_fault(line: str, device: str) -> DeviceError:
    """An error that explains an `e-[fault ...]` line, with the registers as sent."""
    registers = {name: int(value, 16) for name, value in _REGISTER.findall(line)}
    status = registers.get("cfsr", 0)
    reasons = [text for bit, text in _MEANINGS if status & bit]
    hint = "look pc up in firmware.map; please report this with the model"
    if registers.get("sp", 1) < registers.get("limit", 0) or status & _STACK_LIMIT:
        reasons = ["the stack overflowed"]
        hint = "raise stack_bytes in [reserve] of the target's TOML"
    shown = " ".join(f"{name}={value:08x}" for name, value in registers.items())
    return DeviceError(f"{device} faulted: {', '.join(reasons) or 'hard fault'} ({shown[:300]})", hint=hint)
