"""Walks over several axes, merged into as few as possible, and their C text (`ep_axes.h`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.engine.kernels.base import Constant, Symbols
from edgeprune.engine.kernels.operands import place
from edgeprune.errors import UnsupportedOp
from edgeprune.ir import Graph, Op

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
    kept: list[Axis] = []
    for axis in axes:
        if axis.count == 1:
            continue
        if kept:
            last = kept[-1]
            if (axis.step_a, axis.step_b) == (last.count * last.step_a, last.count * last.step_b):
                kept[-1] = Axis(last.count * axis.count, last.step_a, last.step_b)
                continue
        kept.append(axis)
    return tuple(kept)


def strides(shape: Sequence[int]) -> list[int]:
    """Elements one index of each axis moves by, outermost first."""
    steps = [1] * len(shape)
    for index in range(len(shape) - 2, -1, -1):
        steps[index] = steps[index + 1] * shape[index + 1]
    return steps


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


def broadcast_three(
    shapes: Sequence[Sequence[int]], out: Sequence[int], bytes_: int
) -> tuple[tuple[Axis, ...], tuple[Axis, ...]] | None:
    """Two walks of the same counts over `out` that read three tensors with repeats; None where they do not broadcast.

    Args:
        shapes: of the three.
        bytes_: by which an element moves the second and the third.

    Returns:
        The walk of the first (a) and second (b), and that of the third (a), one axis at least.
    """
    if max(map(len, shapes)) > len(out):
        return None
    steps = []
    for shape, unit in zip(shapes, (1, bytes_, bytes_), strict=True):
        full = [1] * (len(out) - len(shape)) + list(shape)
        if any(size not in (1, whole) for size, whole in zip(full, out, strict=True)):
            return None
        steps.append([0 if size == 1 else unit * step for size, step in zip(full, strides(full), strict=True)])
    kept: list[tuple[int, ...]] = []
    for count, *each in list(zip(out, *steps, strict=True))[::-1]:
        if kept and each == [kept[-1][0] * step for step in kept[-1][1:]]:
            kept[-1] = (count * kept[-1][0], *kept[-1][1:])
        elif count > 1:
            kept.append((count, *each))
    kept = kept or [(1, 0, 0, 0)]
    return tuple(Axis(n, a, b) for n, a, b, _ in kept), tuple(Axis(n, c, 0) for n, _, _, c in kept)


def check_axes(graph: Graph, op: Op, axes: Sequence[Axis]) -> None:
    """Raises UnsupportedOp for a walk on more axes than the kernels follow."""
    if len(axes) > MAX_AXES:
        raise UnsupportedOp(
            f"{place(graph, op)}: {len(axes)} axes that cannot be merged; {MAX_AXES} is the most",
            "do it in two steps, along some of the axes each",
        )


def axes_constant(role: str, axes: Sequence[Axis]) -> Constant:
    """The array of `ep_axis_t` a walk reads; as words, because that is what it is in flash."""
    values = np.array([[axis.count, axis.step_a, axis.step_b] for axis in axes], np.int64).reshape(-1)
    return Constant(role, "ep_axis_t", len(axes), AXIS_BYTES, is_model_data=False, values=lambda: values)


def axes_field(s: Symbols, role: str, axes: Sequence[Axis]) -> str:
    """C expression of the array, NULL for a single place."""
    return s.constant(role) if axes else "NULL"
