"""Operators that only move bytes: pads, slices, transposes, concatenations, splits, reshapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from tests.firmware.cases import FEW, MANY, SCALES, SEEDS, ZEROS, Case, check, many, shapes
from tests.firmware.one_op import ModelBuilder

Shape = tuple[int, ...]
OTHER_TYPES = {"float32", "int32", "int64", "bool"}
REFUSED = {
    "PACK": {"bool"}, "SPLIT": {"bool"}, "SPLIT_V": {"bool"}, "SPACE_TO_DEPTH": {"bool"}, "DEPTH_TO_SPACE": {"bool"},
    "UNPACK": {"int64"},
}  # fmt: skip
"""Types that LiteRT has no kernel of a kind for."""


@st.composite
def moves(draw: st.DrawFn, kinds: Sequence[str] = ()) -> Case:
    kind = draw(st.sampled_from(kinds or sorted(MAKERS)))
    dtype = draw(st.sampled_from(["int8", "int8", *sorted(OTHER_TYPES - REFUSED.get(kind, set()))]))
    quantized = {"scale": draw(SCALES), "zero": draw(ZEROS)} if dtype == "int8" else {"dtype": dtype}
    inputs, outputs, settings, options = MAKERS[kind](draw)
    constant, seed = draw(st.integers(0, 5)), draw(SEEDS)

    def add(b: ModelBuilder) -> None:
        rng = np.random.default_rng(seed)
        tensors = [
            b.tensor(shape, data=rng.integers(-128, 128, shape), **quantized)
            if len(inputs) > 1 and index == constant
            else b.input(shape, **quantized)
            for index, shape in enumerate(inputs)
        ]
        results = [b.tensor(shape, **quantized) for shape in outputs]
        before, after = settings
        if kind == "PADV2":
            after = [*after, None]
        given = [b.ints(value) for value in before] + tensors
        given += [b.tensor((1,), data=[seed % 256 - 128], **quantized) if v is None else b.ints(v) for v in after]
        b.op(kind, given, results, options)
        b.output(*results)

    return Case(f"{kind} {dtype} {inputs} -> {outputs} {settings}", add)


Made = tuple[list[Shape], list[Shape], tuple[list[Any], list[Any]], Any]


def _pad(draw: st.DrawFn) -> Made:
    shape = draw(shapes(4))
    paddings = [(draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in shape]
    out = tuple(a + size + b for size, (a, b) in zip(shape, paddings, strict=True))
    return [shape], [out], ([], [paddings]), None


def _mirror_pad(draw: st.DrawFn) -> Made:
    shape, symmetric = draw(shapes(4)), draw(st.booleans())
    paddings = [tuple(draw(st.integers(0, size - (not symmetric))) for _ in range(2)) for size in shape]
    out = tuple(a + size + b for size, (a, b) in zip(shape, paddings, strict=True))
    options = schema.MirrorPadOptionsT()
    options.mode = schema.MirrorPadMode.SYMMETRIC if symmetric else schema.MirrorPadMode.REFLECT
    return [shape], [out], ([], [paddings]), options


def _transpose(draw: st.DrawFn) -> Made:
    shape = draw(shapes(5))
    permutation = draw(st.permutations(range(len(shape))))
    return [shape], [tuple(shape[axis] for axis in permutation)], ([], [permutation]), None


def _concatenation(draw: st.DrawFn) -> Made:
    shape = draw(shapes(4))
    axis = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    options = schema.ConcatenationOptionsT()
    options.axis = axis - draw(st.sampled_from([0, len(shape)]))
    return [_on(shape, axis, size) for size in sizes], [_on(shape, axis, sum(sizes))], ([], []), options


def _split(draw: st.DrawFn) -> Made:
    shape = draw(shapes(4))
    axis, parts = draw(st.integers(0, len(shape) - 1)), draw(st.integers(1, 4))
    options = schema.SplitOptionsT()
    options.numSplits = parts
    size = shape[axis]
    return [_on(shape, axis, size * parts)], [shape] * parts, ([[axis]], []), options


def _split_v(draw: st.DrawFn) -> Made:
    shape = draw(shapes(4))
    axis = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    options = schema.SplitVOptionsT()
    options.numSplits = len(sizes)
    return [_on(shape, axis, sum(sizes))], [_on(shape, axis, size) for size in sizes], ([], [sizes, [axis]]), options


def _pack(draw: st.DrawFn) -> Made:
    shape, count = draw(shapes(3)), draw(st.integers(1, 4))
    axis = draw(st.integers(0, len(shape)))
    options = schema.PackOptionsT()
    options.axis, options.valuesCount = axis, count
    return [shape] * count, [(*shape[:axis], count, *shape[axis:])], ([], []), options


def _unpack(draw: st.DrawFn) -> Made:
    outputs, (inputs,), settings, packed = _pack(draw)
    options = schema.UnpackOptionsT()
    options.axis, options.num = packed.axis, packed.valuesCount
    return [inputs], outputs, settings, options


def _slice(draw: st.DrawFn) -> Made:
    shape = draw(shapes(5))
    begin = [draw(st.integers(0, size - 1)) for size in shape]
    sizes = [draw(st.integers(1, size - first)) for size, first in zip(shape, begin, strict=True)]
    stated = [-1 if first + size == whole and draw(st.booleans()) else size
              for first, size, whole in zip(begin, sizes, shape, strict=True)]  # fmt: skip
    return [shape], [tuple(sizes)], ([], [begin, stated]), schema.SliceOptionsT()


def _strided_slice(draw: st.DrawFn) -> Made:
    shape = draw(shapes(4))
    options = schema.StridedSliceOptionsT()
    begins, ends, strides, out = [], [], [], []
    for axis, size in enumerate(shape):
        step = draw(st.sampled_from([1, 1, 2, 3, -1, -2]))
        first, last = draw(st.integers(-size, size - 1)), draw(st.integers(-size - 1, size))
        if draw(st.integers(0, 3)) == 0:
            options.beginMask |= 1 << axis
        if draw(st.integers(0, 3)) == 0:
            options.endMask |= 1 << axis
        shrink = draw(st.integers(0, 4)) == 0
        a = None if options.beginMask >> axis & 1 else first
        b = None if options.endMask >> axis & 1 else last
        count = len(range(size)[a:b:step])
        if shrink or count == 0:
            options.beginMask &= ~(1 << axis)
            options.endMask &= ~(1 << axis)
            step, last, count = 1, (first % size) + 1, 1
            if shrink:
                options.shrinkAxisMask |= 1 << axis
        begins.append(first)
        ends.append(last)
        strides.append(step)
        if not options.shrinkAxisMask >> axis & 1:
            out.append(count)
    return [shape], [tuple(out)], ([], [begins, ends, strides]), options


def _reverse(draw: st.DrawFn) -> Made:
    shape = draw(shapes(4))
    first = draw(st.integers(0, len(shape) - 1))
    axes = range(first, draw(st.integers(first + 1, len(shape))))  # LiteRT reverses neighbouring axes alone
    return [shape], [shape], ([], [list(axes)]), schema.ReverseV2OptionsT()


def _space_to_depth(draw: st.DrawFn) -> Made:
    block, (h, w, c) = draw(st.integers(1, 3)), [draw(st.integers(1, 4)) for _ in range(3)]
    options = schema.SpaceToDepthOptionsT()
    options.blockSize = block
    return [(1, h * block, w * block, c)], [(1, h, w, c * block * block)], ([], []), options


def _depth_to_space(draw: st.DrawFn) -> Made:
    outputs, inputs, settings, made = _space_to_depth(draw)
    options = schema.DepthToSpaceOptionsT()
    options.blockSize = made.blockSize
    return inputs, outputs, settings, options


def _space_to_batch(draw: st.DrawFn) -> Made:
    axes = draw(st.integers(1, 2))
    block = [draw(st.integers(1, 3)) for _ in range(axes)]
    sizes = [draw(st.integers(1, 6)) for _ in range(axes)]
    before = [draw(st.integers(0, 3)) for _ in range(axes)]
    edges = [
        (first, -(size + first) % step + step * draw(st.integers(0, 1)))
        for size, step, first in zip(sizes, block, before, strict=True)
    ]
    n, c = draw(st.integers(1, 2)), draw(st.integers(1, 4))
    sides = [(size + sum(edge)) // step for size, step, edge in zip(sizes, block, edges, strict=True)]
    options = schema.SpaceToBatchNDOptionsT()
    return [(n, *sizes, c)], [(n * int(np.prod(block)), *sides, c)], ([], [block, edges]), options


def _batch_to_space(draw: st.DrawFn) -> Made:
    outputs, inputs, settings, _ = _space_to_batch(draw)
    return inputs, outputs, settings, schema.BatchToSpaceNDOptionsT()


def _tile(draw: st.DrawFn) -> Made:
    shape = draw(shapes(4, largest=4))
    times = [draw(st.integers(1, 3)) for _ in shape]
    return [shape], [tuple(np.multiply(shape, times).tolist())], ([], [times]), schema.TileOptionsT()


def _broadcast_to(draw: st.DrawFn) -> Made:
    out = draw(shapes(4, largest=5))
    kept = out[draw(st.integers(0, len(out) - 1)) :]
    shape = tuple(size if draw(st.booleans()) else 1 for size in kept)
    return [shape], [out], ([], [out]), schema.BroadcastToOptionsT()


def _reshape(draw: st.DrawFn) -> Made:
    shape = draw(shapes(4))
    out = tuple(reversed(shape))
    return [shape], [out], ([], [out]), schema.ReshapeOptionsT()


def _squeeze(draw: st.DrawFn) -> Made:
    shape = [draw(st.sampled_from([1, 1, 3, 4])) for _ in range(draw(st.integers(2, 5)))]
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    gone = sorted(draw(st.sets(st.sampled_from(ones)))) if ones else []
    options = schema.SqueezeOptionsT()
    options.squeezeDims = gone
    kept = tuple(size for axis, size in enumerate(shape) if (axis not in gone if gone else size != 1))
    return [tuple(shape)], [kept], ([], []), options


def _expand_dims(draw: st.DrawFn) -> Made:
    shape = draw(shapes(4))
    axis = draw(st.integers(-len(shape) - 1, len(shape)))
    at = axis % (len(shape) + 1)
    return [shape], [(*shape[:at], 1, *shape[at:])], ([], [axis]), schema.ExpandDimsOptionsT()


def _on(shape: Shape, axis: int, size: int) -> Shape:
    return (*shape[:axis], size, *shape[axis + 1 :])


MAKERS = {
    "PAD": _pad, "PADV2": _pad, "MIRROR_PAD": _mirror_pad, "TRANSPOSE": _transpose, "CONCATENATION": _concatenation,
    "SPLIT": _split, "SPLIT_V": _split_v, "PACK": _pack, "UNPACK": _unpack, "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice, "SPACE_TO_DEPTH": _space_to_depth, "DEPTH_TO_SPACE": _depth_to_space,
    "RESHAPE": _reshape, "SPACE_TO_BATCH_ND": _space_to_batch, "BATCH_TO_SPACE_ND": _batch_to_space,
    "REVERSE_V2": _reverse, "TILE": _tile, "BROADCAST_TO": _broadcast_to, "SQUEEZE": _squeeze,
    "EXPAND_DIMS": _expand_dims,
}  # fmt: skip


@FEW
@given(many(moves()))
def test_moves(cases: list[Case]) -> None:
    check(cases)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@MANY
@given(many(moves()))
def test_thousands_of_moves(cases: list[Case]) -> None:
    check(cases)


def test_more_axes_than_one_walk_has() -> None:
    """TILE of four axes, each longer than one and repeated, walks eight."""

    def add(b: ModelBuilder) -> None:
        source = b.input((2, 3, 4, 5), scale=0.5, zero=3)
        result = b.tensor((4, 9, 8, 10), scale=0.5, zero=3)
        b.op("TILE", [source, b.ints([2, 3, 2, 2])], [result], schema.TileOptionsT())
        b.output(result)

    check([Case("TILE", add)])
