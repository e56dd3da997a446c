"""TRANSPOSE, and SPACE_TO_DEPTH and DEPTH_TO_SPACE, which are transposes of a finer shape."""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.axes import strides
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.movement.moves import Move, Side, box, move_call
from edgeprune.engine.kernels.movement.views import ANY_TYPE, check_types
from edgeprune.engine.kernels.operands import require
from edgeprune.hardware.profile import Isa
from edgeprune.ir import BlockAttrs, Graph, Op, OpKind, Tensor, TransposeAttrs, attrs_of


def _transposed(shape: Sequence[int], permutation: Sequence[int], element_bytes: int) -> Move:
    """Axis i of the result is axis `permutation[i]` of `shape`."""
    steps, result = strides(shape), [shape[axis] for axis in permutation]
    return box(result, Side([steps[axis] for axis in permutation]), Side(strides(result)), element_bytes)


def _finer(graph: Graph, op: Op, data: Tensor, output: Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(shape, permutation) of a space/depth rearrangement."""
    require(graph, op, len(data.shape) == len(output.shape) == 4, f"{data.shape} into {output.shape}")
    block = attrs_of(op, BlockAttrs).block_size
    small = output.shape if op.kind is OpKind.SPACE_TO_DEPTH else data.shape
    large = data.shape if op.kind is OpKind.SPACE_TO_DEPTH else output.shape
    batch, height, width, channels = large
    expected = (batch, height // max(block, 1), width // max(block, 1), channels * block * block)
    fits = block >= 1 and height % block == 0 and width % block == 0 and small == expected
    require(graph, op, fits, f"{data.shape} into {output.shape} by blocks of {block}")
    if op.kind is OpKind.SPACE_TO_DEPTH:
        return (batch, height // block, block, width // block, block, channels), (0, 1, 3, 2, 4, 5)
    return (batch, height // block, width // block, block, block, channels), (0, 1, 3, 2, 4, 5)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = graph.input_of(op, 0), graph.output_of(op)
    require(graph, op, data is not None, "input 0 is missing")
    assert data is not None
    check_types(graph, op, data, output)
    if op.kind is OpKind.TRANSPOSE:
        shape, permutation = data.shape, attrs_of(op, TransposeAttrs).permutation
        require(graph, op, tuple(shape[axis] for axis in permutation) == output.shape, f"{shape} into {output.shape}")
    else:
        shape, permutation = _finer(graph, op, data, output)
    return move_call(graph, op, [_transposed(shape, permutation, data.dtype.size_bytes(1))])


TYPES = ANY_TYPE
KERNELS = dict.fromkeys((OpKind.TRANSPOSE, OpKind.SPACE_TO_DEPTH, OpKind.DEPTH_TO_SPACE), _ref)
