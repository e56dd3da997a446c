"""STRIDED_SLICE's five masks worked out: plain begin, end and stride for every input axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgeprune.errors import ModelError


def strided_slice(
    where: str, shape: Sequence[int], begin: Sequence[int], end: Sequence[int], strides: Sequence[int], options: Any
) -> dict[str, Any]:
    """Attributes of the normal form.

    Per input axis the elements are `begin, begin + stride, ...` short of `end` (beyond it for negative strides; `end`
    is -1 when a negative stride runs through element 0). `shrink_axes` are input axes of one element each that are
    gone from the output's shape; axes of length one that the op adds change no byte and appear in the shape alone.

    Source: https://www.tensorflow.org/api_docs/python/tf/strided_slice
    """
    if not len(begin) == len(end) == len(strides):
        raise ModelError(f"{where}: begin {begin}, end {end}, strides {strides} differ in length")
    new_axes, ellipsis = options.NewAxisMask(), options.EllipsisMask()
    rank, entries = len(shape), len(begin)
    named = sum(not (new_axes >> i & 1 or ellipsis >> i & 1) for i in range(entries))
    found: list[tuple[int, int, int]] = []
    shrink: list[int] = []
    for i in range(entries):
        if ellipsis >> i & 1:
            found += [(0, size, 1) for size in shape[len(found) : len(found) + rank - named]]
            continue
        if new_axes >> i & 1:
            continue
        if len(found) >= rank or strides[i] == 0:
            raise ModelError(f"{where}: begin {begin}, strides {strides} do not fit shape {tuple(shape)}")
        size, stride = shape[len(found)], strides[i]
        low, high = (0, size) if stride > 0 else (-1, size - 1)
        first = (
            _clip(begin[i], size, low, high) if not options.BeginMask() >> i & 1 else (0 if stride > 0 else size - 1)
        )
        stop = end[i] + begin[i] if options.Offset() else end[i]
        last = _clip(stop, size, low, high) if not options.EndMask() >> i & 1 else (size if stride > 0 else -1)
        if options.ShrinkAxisMask() >> i & 1:
            shrink.append(len(found))
            first, last, stride = first, first + 1, 1
            if not 0 <= first < size:
                raise ModelError(f"{where}: index {begin[i]} is outside an axis of {size}")
        found.append((first, last, stride))
    found += [(0, size, 1) for size in shape[len(found) :]]
    return {
        "begin": tuple(first for first, _, _ in found),
        "end": tuple(last for _, last, _ in found),
        "strides": tuple(stride for _, _, stride in found),
        "shrink_axes": tuple(shrink),
    }


def _clip(index: int, size: int, low: int, high: int) -> int:
    return min(max(index + size if index < 0 else index, low), high)
