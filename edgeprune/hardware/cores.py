"""Cortex-M cores, distinguished by the architectures they run and the part number of CPUID."""

from __future__ import annotations

from dataclasses import dataclass

# Tag_CPU_arch (Arm IHI 0045, Addenda to the ABI: build attributes); v7 is Armv7-M where the profile is 'M'.
V7, V6_M, V6S_M, V7E_M, V8_M_BASE, V8_M_MAIN, V8_1_M_MAIN = 10, 11, 12, 13, 16, 17, 21
_ARMV6_M = frozenset((V6_M, V6S_M))
_ARMV7_M = _ARMV6_M | {V7}
_ARMV7E_M = _ARMV7_M | {V7E_M}
_ARMV8_M = _ARMV7E_M | {V8_M_BASE, V8_M_MAIN}


@dataclass(frozen=True)
class Core:
    """One core.

    Attributes:
        architectures: values of Tag_CPU_arch whose instructions it runs.
        part: PARTNO of its CPUID register (the core's Technical Reference Manual).
    """

    architectures: frozenset[int]
    part: int


CORES = {
    "cortex-m0": Core(_ARMV6_M, 0xC20),
    "cortex-m0plus": Core(_ARMV6_M, 0xC60),
    "cortex-m3": Core(_ARMV7_M, 0xC23),
    "cortex-m4": Core(_ARMV7E_M, 0xC24),
    "cortex-m7": Core(_ARMV7E_M, 0xC27),
    "cortex-m33": Core(_ARMV8_M, 0xD21),
    "cortex-m55": Core(_ARMV8_M | {V8_1_M_MAIN}, 0xD22),
    "cortex-m85": Core(_ARMV8_M | {V8_1_M_MAIN}, 0xD23),
}
