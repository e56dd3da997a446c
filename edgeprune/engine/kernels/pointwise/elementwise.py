"""What operators on two broadcast tensors share, and those on the elements of one."""

from __future__ import annotations

from dataclasses import dataclass

from edgeprune.engine.kernels.axes import Axis, broadcast, check_axes
from edgeprune.engine.kernels.base import KernelCall, Overlap, Work
from edgeprune.engine.kernels.operands import input_tensor, output_tensor, require
from edgeprune.ir import DType, Graph, Op, Tensor


@dataclass(frozen=True, eq=False)
class Pair:
    """Two inputs, one output, and the walk over the output that reads them (a: input 0, b: input 1)."""

    a: Tensor
    b: Tensor
    output: Tensor
    axes: tuple[Axis, ...]


def read_pair(graph: Graph, op: Op, dtype: DType) -> Pair:
    """Raises UnsupportedOp for other types or too many axes, ModelError for shapes that do not broadcast."""
    a, b = input_tensor(graph, op, 0, dtype), input_tensor(graph, op, 1, dtype)
    return pair_of(graph, op, a, b, output_tensor(graph, op, dtype))


def pair_of(graph: Graph, op: Op, a: Tensor, b: Tensor, output: Tensor) -> Pair:
    """Raises UnsupportedOp for too many axes, ModelError for shapes that do not broadcast."""
    axes = broadcast(a.shape, b.shape, output.shape)
    require(graph, op, axes is not None, f"shapes {a.shape} and {b.shape} into {output.shape}")
    assert axes is not None
    check_axes(graph, op, axes)
    return Pair(a, b, output, axes)


def in_place(graph: Graph, op: Op) -> tuple[Overlap, ...]:
    """The promise of a kernel that ascends element by element: in place over every input as long as the output."""
    output = graph.output_of(op)
    return tuple(
        Overlap(index, "forward", 0)
        for index in range(len(op.inputs))
        if (tensor := graph.input_of(op, index)) is not None
        and not tensor.is_constant
        and tensor.size_bytes == output.size_bytes
    )


def each_element(graph: Graph, op: Op, data: Tensor, output: Tensor, function: str, source: str) -> KernelCall:
    """The call of `function(in, out, count)`, which goes from element to element, also in place.

    Args:
        source: of the C file and its header, without endings.

    Raises:
        ModelError: other sizes.
    """
    require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
    return KernelCall(
        function=function,
        emit=lambda s: f"{function}({s.input(0)}, {s.output(0)}, {data.element_count}U);",
        sources=(f"ref/{source}.c",),
        headers=(f"ep_{source}.h",),
        overlaps=(Overlap(0, "forward", 0),),
        work=Work(outputs=data.element_count),
    )
