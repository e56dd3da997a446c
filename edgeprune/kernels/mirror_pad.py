"""MIRROR_PAD: every part of the border is a box of the input read backwards."""

from __future__ import annotations

from itertools import product

from edgeprune.ir import DType, Graph, Op
from edgeprune.kernels.axes import strides
from edgeprune.kernels.base import KernelCall, Optimize
from edgeprune.kernels.moves import box, move_call
from edgeprune.kernels.operands import input_tensor, output_tensor, require
from edgeprune.kernels.views import check_same
from edgeprune.target.profile import Isa


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, DType.INT8), output_tensor(graph, op, DType.INT8)
    check_same(graph, op, data, output)
    padding, edge = op.attrs["padding"], 0 if op.attrs["mode"] == "symmetric" else 1
    padded = tuple(before + size + after for size, (before, after) in zip(data.shape, padding, strict=True))
    require(graph, op, padded == output.shape, f"{data.shape} padded by {padding} into {output.shape}")
    fits = all(max(sides) <= size - edge for size, sides in zip(data.shape, padding, strict=True))
    require(graph, op, fits, f"paddings {padding} reach beyond {data.shape}")
    # Per axis: (length, first input index, first output index, direction)
    segments = [
        [
            segment
            for segment in (
                (before, edge + before - 1, 0, -1),
                (size, 0, before, 1),
                (after, size - 1 - edge, before + size, -1),
            )
            if segment[0]
        ]
        for size, (before, after) in zip(data.shape, padding, strict=True)
    ]
    from_steps, to_steps = strides(data.shape), strides(output.shape)
    moves = [
        box(
            [length for length, _, _, _ in parts],
            [direction * step for (_, _, _, direction), step in zip(parts, from_steps, strict=True)],
            to_steps,
            1,
            in_start=sum(first * step for (_, first, _, _), step in zip(parts, from_steps, strict=True)),
            out_start=sum(first * step for (_, _, first, _), step in zip(parts, to_steps, strict=True)),
        )
        for parts in product(*segments)
    ]
    return move_call(graph, op, moves)


CANDIDATES = (_ref,)
