"""Attributes of the operators that only move elements; see `attributes.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgeprune.engine.tflite.source import Source
from edgeprune.errors import ModelError
from edgeprune.ir import (
    NO_ATTRS,
    Attrs,
    AxisAttrs,
    BlockAttrs,
    GatherAttrs,
    MirrorMode,
    MirrorPadAttrs,
    PadAttrs,
    ResizeAttrs,
    SliceAttrs,
    SpaceBatchAttrs,
    StridedSliceAttrs,
    TransposeAttrs,
)

_MIRROR_MODES = {0: MirrorMode.REFLECT, 1: MirrorMode.SYMMETRIC}


def _padding(s: Source) -> tuple[tuple[int, int], ...]:
    values = s.ints(1)
    if len(values) != 2 * s.rank() or min(values) < 0:
        raise ModelError(f"{s.where}: paddings {values} do not fit a tensor of {s.rank()} axes")
    return tuple(zip(values[::2], values[1::2], strict=True))


def pad(s: Source) -> Attrs:
    return PadAttrs(padding=_padding(s))


def mirror_pad(s: Source) -> Attrs:
    return MirrorPadAttrs(padding=_padding(s), mode=_MIRROR_MODES[s.options.Mode()])


def transpose(s: Source) -> Attrs:
    permutation = tuple(s.axis(axis, s.rank()) for axis in s.ints(1))
    if sorted(permutation) != list(range(s.rank())):
        raise ModelError(f"{s.where}: {permutation} is no permutation of {s.rank()} axes")
    return TransposeAttrs(permutation=permutation)


def split(s: Source) -> Attrs:
    return AxisAttrs(axis=s.axis(s.ints(0)[0], s.rank(1)))


def split_v(s: Source) -> Attrs:
    return AxisAttrs(axis=s.axis(s.ints(2)[0], s.rank()))


def pack(s: Source) -> Attrs:
    return AxisAttrs(axis=s.axis(s.options.Axis(), s.rank() + 1))


def unpack(s: Source) -> Attrs:
    return AxisAttrs(axis=s.axis(s.options.Axis(), s.rank()))


def slice_(s: Source) -> Attrs:
    shape, begin, size = s.input(0).shape, s.ints(1), s.ints(2)
    if not len(shape) == len(begin) == len(size):
        raise ModelError(f"{s.where}: begin {begin} and size {size} do not fit shape {shape}")
    size = tuple(n - b if m == -1 else m for n, b, m in zip(shape, begin, size, strict=True))
    if any(b < 0 or m < 0 or b + m > n for n, b, m in zip(shape, begin, size, strict=True)):
        raise ModelError(f"{s.where}: begin {begin}, size {size} leave the shape {shape}")
    return SliceAttrs(begin=begin, size=size)


def strided(s: Source) -> Attrs:
    return strided_slice(s.where, s.input(0).shape, s.ints(1), s.ints(2), s.ints(3), s.options)


def gather(s: Source) -> GatherAttrs:
    axis, picked = s.axis(s.options.Axis(), s.rank()), s.rank(1)
    batches = s.options.BatchDims() + (picked if s.options.BatchDims() < 0 else 0)
    if not 0 <= batches <= min(axis, picked):
        raise ModelError(f"{s.where}: {s.options.BatchDims()} batch axes, picked along axis {axis}")
    return GatherAttrs(axis=axis, batch_dims=batches)


def resize(s: Source) -> Attrs:
    if s.ints(1) != s.outputs[0].shape[1:3]:
        raise ModelError(f"{s.where}: resizes to {s.ints(1)}, but its output has shape {s.outputs[0].shape}")
    return ResizeAttrs(
        align_corners=bool(s.options.AlignCorners()), half_pixel_centers=bool(s.options.HalfPixelCenters())
    )


def tile(s: Source) -> Attrs:
    data, times = s.input(0).shape, s.ints(1)
    made = tuple(size * count for size, count in zip(data, times, strict=False))
    if len(times) != len(data) or made != s.outputs[0].shape:
        raise ModelError(f"{s.where}: repeats {data} {times} times, but its output has shape {s.outputs[0].shape}")
    return NO_ATTRS


def broadcast_to(s: Source) -> Attrs:
    if s.ints(1) != s.outputs[0].shape:
        raise ModelError(f"{s.where}: fills {s.ints(1)}, but its output has shape {s.outputs[0].shape}")
    return NO_ATTRS


def block(s: Source) -> Attrs:
    return BlockAttrs(block_size=s.options.BlockSize())


def space_batch(s: Source) -> Attrs:
    block, edges = s.ints(1), s.ints(2)
    fits = 1 <= len(block) < s.rank() and len(edges) == 2 * len(block) and min(block) > 0 and min(edges) >= 0
    if not fits:
        raise ModelError(f"{s.where}: blocks {block}, edges {edges} of a tensor of {s.rank()} axes")
    return SpaceBatchAttrs(block=block, edges=tuple(zip(edges[::2], edges[1::2], strict=True)))


def reverse(s: Source) -> Attrs:
    """REVERSE_V2: a slice that runs backwards along some axes."""
    shape, backwards = s.input(0).shape, {s.axis(axis, s.rank()) for axis in s.ints(1)}
    return StridedSliceAttrs(
        begin=tuple(size - 1 if axis in backwards else 0 for axis, size in enumerate(shape)),
        end=tuple(-1 if axis in backwards else size for axis, size in enumerate(shape)),
        strides=tuple(-1 if axis in backwards else 1 for axis in range(len(shape))),
    )


def strided_slice(
    where: str, shape: Sequence[int], begin: Sequence[int], end: Sequence[int], strides: Sequence[int], options: Any
) -> StridedSliceAttrs:
    """STRIDED_SLICE's five masks worked out: plain begin, end and stride for every input axis.

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
    ranges: list[tuple[int, int, int]] = []
    shrink: list[int] = []
    for i in range(entries):
        if ellipsis >> i & 1:
            ranges += [(0, size, 1) for size in shape[len(ranges) : len(ranges) + rank - named]]
            continue
        if new_axes >> i & 1:
            continue
        if len(ranges) >= rank or strides[i] == 0:
            raise ModelError(f"{where}: begin {begin}, strides {strides} do not fit shape {tuple(shape)}")
        size, stride = shape[len(ranges)], strides[i]
        low, high = (0, size) if stride > 0 else (-1, size - 1)
        first = (
            _clip(begin[i], size, low, high) if not options.BeginMask() >> i & 1 else (0 if stride > 0 else size - 1)
        )
        stop = end[i] + begin[i] if options.Offset() else end[i]
        last = _clip(stop, size, low, high) if not options.EndMask() >> i & 1 else (size if stride > 0 else -1)
        if options.ShrinkAxisMask() >> i & 1:
            shrink.append(len(ranges))
            first, last, stride = first, first + 1, 1
            if not 0 <= first < size:
                raise ModelError(f"{where}: index {begin[i]} is outside an axis of {size}")
        ranges.append((first, last, stride))
    ranges += [(0, size, 1) for size in shape[len(ranges) :]]
    return StridedSliceAttrs(
        begin=tuple(first for first, _, _ in ranges),
        end=tuple(last for _, last, _ in ranges),
        strides=tuple(stride for _, _, stride in ranges),
        shrink_axes=tuple(shrink),
    )


def _clip(index: int, size: int, low: int, high: int) -> int:
    return min(max(index + size if index < 0 else index, low), high)
