"""Views without moving bytes: which axes of a tensor become which, in the order they lie in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeprune.model.values import channels_last


@dataclass(frozen=True)
class View:
    """A reshape of axes in memory order.

    Attributes:
        before: old axes in the order the bytes must lie in.
        after: new axes in the order they then lie in.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]


def view_of(axes: Sequence[int], old: Sequence[int], new: Sequence[int]) -> View:
    """How a tensor whose axes lie in the order `axes` is viewed as another shape, with as little moved as can be.

    A view splits and joins neighbouring axes: (C, H, W) as (g, C / g, H, W) touches the channels alone, wherever they
    lie. Only axes that are joined must lie side by side. Where they do not, all are put as images and vectors are best
    read: channels last, and in torch's order.

    Args:
        axes: order of the old axes in memory.
        old, new: shapes, as torch has them.
    """
    blocks = _blocks(old, new)
    block_of = {axis: number for number, (joined, _) in enumerate(blocks) for axis in joined}
    long = [axis for axis in axes if old[axis] != 1]
    order = list(dict.fromkeys(block_of[axis] for axis in long))
    before = [axis for number in order for axis in blocks[number][0] if old[axis] != 1]
    if before != long:
        number_of = {axis: number for number, (_, joined) in enumerate(blocks) for axis in joined}
        wanted = channels_last(len(new)) if len(new) > 3 else range(len(new))
        order = list(dict.fromkeys(number_of[axis] for axis in wanted))
        before = [axis for number in order for axis in blocks[number][0] if old[axis] != 1]
    after = [axis for number in order for axis in blocks[number][1] if new[axis] != 1]
    return View(_with_lone_axes(before, old), _with_lone_axes(after, new))


def _blocks(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """The shortest runs of old axes and of new ones that hold the same elements."""
    blocks: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) and j < len(new):
        left, right = [i], [j]
        sizes = [old[i], new[j]]
        while sizes[0] != sizes[1]:
            if sizes[0] < sizes[1]:
                i += 1
                left.append(i)
                sizes[0] *= old[i]
            else:
                j += 1
                right.append(j)
                sizes[1] *= new[j]
        blocks.append((left, right))
        i, j = i + 1, j + 1
    return [*blocks, (list(range(i, len(old))), list(range(j, len(new))))]


def _with_lone_axes(long: list[int], shape: Sequence[int]) -> tuple[int, ...]:
    """All axes with the long ones in the given order, those of length 1 where they are most at home."""
    rank = len(shape)
    for order in (channels_last(rank), tuple(range(rank))):
        if [axis for axis in order if shape[axis] != 1] == long:
            return order
    return (*(axis for axis in range(rank) if shape[axis] == 1), *long)
