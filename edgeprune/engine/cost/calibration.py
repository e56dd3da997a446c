"""What a real board's profiles showed of its time beside what is predicted of it, kept in the user's config folder.

The ratios differ from kernel to kernel: dense loops of loads wait more for a memory than arithmetic does. They are to
predicted cycles where the core has timing tables, elsewhere to predicted instructions, one cycle each.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeprune.budget import LatencyBasis
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.errors import UsageError
from edgeprune.files import atomic

_SCHEMA = 2
_MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True)
class Calibration:
    """Measured cycles for each predicted one.

    Attributes:
        functions: of each kernel function that was measured.
        whole: of all measured layers together, for the functions that were not.
        basis: what predicted them, `BLOCKS` or `INSTRUCTIONS`.
    """

    functions: Mapping[str, float]
    whole: float
    basis: LatencyBasis

    def ratio(self, call: KernelCall) -> float:
        return self.functions.get(call.function, self.whole)

    def updated(self, newer: Calibration) -> Calibration:
        """`newer` where it has measured, the old ratios elsewhere, unless they are to something else."""
        old = self.functions if self.basis is newer.basis else {}
        return Calibration({**old, **newer.functions}, newer.whole, newer.basis)


def calibrate(
    calls: Sequence[KernelCall], measured: Sequence[int], predicted: Sequence[float | None], basis: LatencyBasis
) -> Calibration | None:
    """From a profile of a board. None where nothing of it was predicted.

    Args:
        measured: cycles of each call.
        predicted: of each call; None where it is not known.
    """
    took: dict[str, float] = defaultdict(float)
    expected: dict[str, float] = defaultdict(float)
    for call, cycles, guess in zip(calls, measured, predicted, strict=True):
        if guess and cycles:
            took[call.function] += cycles
            expected[call.function] += guess
    if not expected:
        return None
    ratios = {function: took[function] / expected[function] for function in expected}
    return Calibration(ratios, sum(took.values()) / sum(expected.values()), basis)


def calibration_path(target: str) -> Path:
    """Where the board's calibration is kept."""
    base = os.environ.get("XDG_CONFIG_HOME") or (os.environ.get("APPDATA") if sys.platform == "win32" else None)
    return (Path(base) if base else Path.home() / ".config") / "edgeprune" / "boards" / f"{target}.json"


def load_calibration(target: str) -> Calibration | None:
    """None for a board that was never profiled, or by an older version.

    Raises:
        UsageError: the file is damaged.
    """
    path = calibration_path(target)
    try:
        with path.open("rb") as stream:
            data = json.loads(stream.read(_MAX_FILE_BYTES))
        if data["schema"] == 1:  # cycles an instruction, whatever the core
            return None
        if data["schema"] != _SCHEMA:
            raise ValueError(f"schema {data['schema']}")
        functions = {str(name): float(ratio) for name, ratio in data["functions"].items()}
        kept = Calibration(functions, float(data["whole"]), LatencyBasis(data["basis"]))
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
    data = {
        "schema": _SCHEMA,
        "target": target,
        "basis": calibration.basis,
        "whole": calibration.whole,
        "functions": dict(calibration.functions),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_text(path, json.dumps(data, indent=1) + "\n")
    return path
