"""Cycles an instruction of each kernel on each core, memory without waits (`kernel_cycles.json`).

Made by `benchmarks/kernel_cycles.py` from layers that ran by the slow form. A fit takes a kernel's cycles from its own
network's image (`cycle_rates.py`); this is for kernels that its image has not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CYCLES = Path(__file__).parent / "kernel_cycles.json"


@dataclass(frozen=True)
class CoreCycles:
    """Of one function; `error`: the largest relative misfit among the `layers` it was measured over."""

    an_instruction: float
    error: float
    layers: int


@cache
def core_cycles(core: str) -> dict[str, CoreCycles]:
    """Function -> its cycles on `core`; empty for cores that nothing was measured on."""
    measured = json.loads(CYCLES.read_text())
    return {function: CoreCycles(**cycles) for function, cycles in measured["cores"].get(core, {}).items()}
