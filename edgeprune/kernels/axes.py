"""Walks over several axes, merged into as few as possible, and their C text (`ep_axes.h`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import Graph, Op
from edgeprune.kernels.base import Constant, Symbols
from edgeprune.kernels.operands import place

MAX_AXES = 6
AXIS_BYTES = 12


@dataclass(frozen=True)
class Axis:
    """`count` steps that move one array by `step_a` and another by `step_b` elements."""

    count: int
    step_a: int
    step_b: int


def merged(axes: Sequence[Axis]) -> tuple[Axis, ...]:
    """The same walk on fewer axes.

    Args:
        axes: fastest first.

    Returns:
        Axes without counts of one; neighbours that are one run joined.
    """
    found: list[Axis] = []
    for axis in axes:
        if axis.count == 1:
            continue
        if found:
            last = found[-1]
            if (axis.step_a, axis.step_b) == (last.count * last.step_a, last.count * last.step_b):
                found[-1] = Axis(last.count * axis.count, last.step_a, last.step_b)
                continue
        found.append(axis)
    return tuple(found)


def strides(shape: Sequence[int]) -> list[int]:
    """Elements one index of each axis moves by, outermost first."""
    found = [1] * len(shape)
    for index in range(len(shape) - 2, -1, -1):
        found[index] = found[index + 1] * shape[index + 1]
    return found


def broadcast(a: Sequence[int], b: Sequence[int], out: Sequence[int]) -> tuple[Axis, ...] | None:
    """The walk over `out` that reads `a` and `b` with repeats, one axis at least; None where they do not broadcast."""
    if max(len(a), len(b)) > len(out):
        return None
    steps = []
    for shape in (a, b):
        full = [1] * (len(out) - len(shape)) + list(shape)
        if any(size not in (1, whole) for size, whole in zip(full, out, strict=True)):
            return None
        steps.append([0 if size == 1 else step for size, step in zip(full, strides(full), strict=True)])
    axes = [Axis(*axis) for axis in zip(out, *steps, strict=True)]
    return merged(axes[::-1]) or (Axis(1, 0, 0),)


def check_axes(graph: Graph, op: Op, axes: Sequence[Axis]) -> None:
    """Raises UnsupportedOp for a walk on more axes than the kernels follow."""
    if len(axes) > MAX_AXES:
        raise UnsupportedOp(f"{place(graph, op)}: {len(axes)} axes that cannot be merged; {MAX_AXES} is the most")


def axes_constant(role: str, axes: Sequence[Axis]) -> Constant:
    """The array of `ep_axis_t` a walk reads; as words, because that is what it is in flash."""
    values = np.array([[axis.count, axis.step_a, axis.step_b] for axis in axes], np.int64).reshape(-1)
    return Constant(role, "ep_axis_t", len(axes), AXIS_BYTES, is_model_data=False, values=lambda: values)


def axes_field(s: Symbols, role: str, axes: Sequence[Axis]) -> str:
    """C expression of the array, NULL for a single place."""
    return s.constant(role) if axes else "NULL"
