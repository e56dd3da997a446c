"""Functions of an int16 value as LiteRT tabulates them: 513 points, straight lines between (C: `ep_interpolate.h`)."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, floor
from typing import Any

import numpy as np

from edgeprune.engine.kernels.base import Shared

_STEPS = 512
_LOW, _HIGH = -32768, 32767


def points(function: Callable[[Any], Any], low: Any, high: Any, scale: float) -> np.ndarray:
    """(513,) int16 in steps of `scale`, each moved by half of what a straight line misses the function by midway.

    Args:
        low, high: ends of the inputs; in the type of these numbers, float or float32, all of it is computed, by
            `function` too. Which of the two it is decides on last bits.
    """
    number = type(low)
    steps, half = number(_STEPS), number(2)
    step = (high - low) / steps
    inverse = number(_HIGH - _LOW + 1) / (number(scale) * number(_HIGH) - number(scale) * number(_LOW))
    found = []
    for index in range(_STEPS):
        at = low + number(index) * step
        ends = (at, at + step / half, low + number(index + 1) * step)
        here, midway, beyond = (function(place) * inverse for place in ends)
        line = _rounded((beyond + number(_rounded(here))) / half)
        found.append(_rounded(here) - _rounded((line - _rounded(midway)) / 2))
    found.append(_rounded(function(high) * inverse))
    return np.clip(found, _LOW, _HIGH).astype(np.int16)


def _rounded(value: float) -> int:
    """Halves away from zero."""
    whole = floor(abs(float(value)) + 0.5)
    return whole if value > 0 else -whole


def logistic_points() -> np.ndarray:
    """(256,) uint16: logistic(k / 24) in 1/65536, moved likewise."""

    def at(place: float) -> float:
        return 65536 / (1 + exp(-place / 24))

    moved = [floor(at(k) + (at(k + 0.5) - (at(k) + at(k + 1)) / 2) / 2 + 0.5) for k in range(255)]
    return np.array([*moved, 65535], np.uint16)


def shared_table(name: str, values: np.ndarray) -> Shared:
    """A table that all layers which need it share, at file scope."""
    ctype = {"int16": "int16_t", "uint16": "uint16_t"}[str(values.dtype)]
    rows = [", ".join(map(str, values[start : start + 16])) for start in range(0, len(values), 16)]
    text = f"static const {ctype} {name}[{len(values)}] = {{\n" + "".join(f"    {row},\n" for row in rows) + "};\n"
    return Shared(text, values.nbytes)
