"""MIRROR_PAD: every part of the border is a box of the input read backwards."""

from __future__ import annotations

from itertools import product

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import strides
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.movement.moves import Side, box, move_call
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_same
from edgeprune.engine.kernels.operands import input_tensor, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, MirrorMode, MirrorPadAttrs, Op, OpKind, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, *TYPES), graph.output_of(op)
    check_same(graph, op, data, output)
    attrs = attrs_of(op, MirrorPadAttrs)
    padding, edge = attrs.padding, 0 if attrs.mode is MirrorMode.SYMMETRIC else 1
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
            Side(
                [direction * step for (_, _, _, direction), step in zip(parts, from_steps, strict=True)],
                sum(first * step for (_, first, _, _), step in zip(parts, from_steps, strict=True)),
            ),
            Side(to_steps, sum(first * step for (_, _, first, _), step in zip(parts, to_steps, strict=True))),
            data.dtype.size_bytes(1),
        )
        for parts in product(*segments)
    ]
    return move_call(graph, op, moves)


TYPES = ANY_TYPE
KERNELS = {OpKind.MIRROR_PAD: _ref}
