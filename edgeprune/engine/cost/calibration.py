"""Cycles an instruction takes on one board, learned from profiles of that board and kept in the user's config folder.

Predicted instructions come from emulated cores, where one takes one tick. On a board the core, flash wait
states and caches add cycles, which differ from kernel to kernel: dense loops of loads wait more than arithmetic.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeprune.engine.cost.latency import predicted_instructions
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.errors import UsageError
from edgeprune.files import atomic
from edgeprune.hardware.profile import Cpu

_SCHEMA = 1
_MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True)
class Calibration:
    """Cycles an instruction.

    Attributes:
        functions: of each kernel function that was measured.
        whole: of all measured layers together, for the functions that were not.
    """

    functions: Mapping[str, float]
    whole: float

    def cycles(self, call: KernelCall, cpu: Cpu) -> float | None:
        """Predicted for one call; None where its function was never measured on an emulated core."""
        instructions = predicted_instructions(call, cpu)
        return None if instructions is None else instructions * self.functions.get(call.function, self.whole)

    def updated(self, newer: Calibration) -> Calibration:
        """`newer` where it has measured, the old values elsewhere."""
        return Calibration({**self.functions, **newer.functions}, newer.whole)


UNCALIBRATED = Calibration({}, 1.0)


def calibrate(calls: Sequence[KernelCall], cycles: Sequence[int], cpu: Cpu) -> Calibration | None:
    """From a profile: `cycles` of each call. None when no call's instructions can be predicted."""
    measured: dict[str, float] = defaultdict(float)
    predicted: dict[str, float] = defaultdict(float)
    for call, count in zip(calls, cycles, strict=True):
        instructions = predicted_instructions(call, cpu)
        if instructions:
            measured[call.function] += count
            predicted[call.function] += instructions
    if not predicted:
        return None
    ratios = {function: measured[function] / predicted[function] for function in predicted}
    return Calibration(ratios, sum(measured.values()) / sum(predicted.values()))


def calibration_path(target: str) -> Path:
    """Where the board's calibration is kept."""
    base = os.environ.get("XDG_CONFIG_HOME") or (os.environ.get("APPDATA") if sys.platform == "win32" else None)
    return (Path(base) if base else Path.home() / ".config") / "edgeprune" / "boards" / f"{target}.json"


def load_calibration(target: str) -> Calibration | None:
    """None for a board that was never profiled.

    Raises:
        UsageError: the file is damaged.
    """
    path = calibration_path(target)
    try:
        with path.open("rb") as stream:
            data = json.loads(stream.read(_MAX_FILE_BYTES))
        if data["schema"] != _SCHEMA:
            raise ValueError(f"schema {data['schema']}")
        kept = Calibration({str(name): float(ratio) for name, ratio in data["functions"].items()}, float(data["whole"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is not a calibration: {error}", hint="delete it and profile the board again"
        ) from error
    if not all(0 < ratio < 1e6 for ratio in (kept.whole, *kept.functions.values())):
        raise UsageError(f"{path} holds impossible figures", hint="delete it and profile the board again")
    return kept


def save_calibration(target: str, calibration: Calibration) -> Path:
    """Stores it for the next prediction; the file's path."""
    path = calibration_path(target)
    data = {"schema": _SCHEMA, "target": target, "whole": calibration.whole, "functions": dict(calibration.functions)}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(path, json.dumps(data, indent=1) + "\n")
    return path
