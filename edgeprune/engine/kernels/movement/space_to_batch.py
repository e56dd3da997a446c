"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: every n-th row and column as an image of its own, and back."""

from __future__ import annotations

from itertools import product
from math import prod

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import strides
from edgeprune.engine.kernels.base import KernelCall, Symbols
from edgeprune.engine.kernels.movement.moves import Side, box, filled, move_call, zero_of
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types
from edgeprune.engine.kernels.operands import input_tensor, require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op, OpKind, SpaceBatchAttrs, attrs_of


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = input_tensor(graph, op, 0, *TYPES), graph.output_of(op)
    check_types(graph, op, data, output)
    attrs, is_spread = attrs_of(op, SpaceBatchAttrs), op.kind is OpKind.SPACE_TO_BATCH_ND
    space, parts = (data.shape, output.shape) if is_spread else (output.shape, data.shape)
    require(graph, op, _parts(attrs, space) == parts, f"{data.shape} into {output.shape} by blocks of {attrs.block}")
    moves = []
    for place in product(*map(range, attrs.block)):
        found = _box(attrs, space, parts, place)
        if found is not None:
            counts, in_space, in_parts = found
            source, target = (in_space, in_parts) if is_spread else (in_parts, in_space)
            moves.append(box(counts, source, target, data.dtype.size_bytes(1)))

    def fill(s: Symbols) -> str:
        return filled(s, output, zero_of(output))

    pads = is_spread and any(sum(edge) for edge in attrs.edges)
    return move_call(graph, op, moves, fill if pads else None)


def _parts(attrs: SpaceBatchAttrs, space: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of the images that one of shape `space` comes apart into; () where its sides do not divide."""
    axes = len(attrs.block)
    padded = [size + sum(edge) for size, edge in zip(space[1 : axes + 1], attrs.edges, strict=True)]
    if any(size % block for size, block in zip(padded, attrs.block, strict=True)):
        return ()
    sides = [size // block for size, block in zip(padded, attrs.block, strict=True)]
    return (space[0] * prod(attrs.block), *sides, *space[axes + 1 :])


def _box(
    attrs: SpaceBatchAttrs, space: tuple[int, ...], parts: tuple[int, ...], place: tuple[int, ...]
) -> tuple[list[int], Side, Side] | None:
    """The rows and columns at one place of their blocks, in the image and in the part; None where none lies inside."""
    axes = len(attrs.block)
    counts, space_start, part_start = list(space), 0, 0
    space_steps, part_steps = strides(space), strides(parts)
    number = 0
    for axis, (block, (before, _), offset) in enumerate(zip(attrs.block, attrs.edges, place, strict=True), 1):
        first = max(-((offset - before) // block), 0)  # the first of the part's that lies inside
        inside = first * block + offset - before
        counts[axis] = max(0, -((inside - space[axis]) // block))
        space_start += inside * space_steps[axis]
        part_start += first * part_steps[axis]
        space_steps[axis] *= block
        number = number * block + offset
    if min(counts[: axes + 1]) == 0:
        return None
    part_start += number * space[0] * part_steps[0]
    return counts, Side(space_steps, space_start), Side(part_steps, part_start)


TYPES = ANY_TYPE
KERNELS = {OpKind.SPACE_TO_BATCH_ND: _ref, OpKind.BATCH_TO_SPACE_ND: _ref}
