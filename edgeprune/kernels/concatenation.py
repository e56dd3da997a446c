"""CONCATENATION and PACK: inputs side by side along one axis."""

from __future__ import annotations

from math import prod

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import Activation, Graph, Op, OpKind, Tensor
from edgeprune.kernels.axes import strides
from edgeprune.kernels.base import KernelCall, Optimize
from edgeprune.kernels.moves import Move, box, move_call
from edgeprune.kernels.operands import place, require
from edgeprune.kernels.views import check_same, concatenates_in_place, view_call
from edgeprune.target.profile import Isa


def _parts(graph: Graph, op: Op) -> list[tuple[int, ...]]:
    """Shapes of the inputs as they lie in the output; PACK's have length one on the new axis."""
    axis, shapes = op.attrs["axis"], []
    for index in range(len(op.inputs)):
        tensor = graph.input_of(op, index)
        require(graph, op, tensor is not None, f"input {index} is missing")
        assert tensor is not None
        shape = tensor.shape
        shapes.append((*shape[:axis], 1, *shape[axis:]) if op.kind is OpKind.PACK else shape)
    return shapes


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    axis, output, parts = op.attrs["axis"], graph.output_of(op), _parts(graph, op)
    tensors: list[Tensor] = [graph.tensors[index] for index in op.inputs]
    check_same(graph, op, output, *tensors)
    if op.attrs.get("activation", Activation.NONE) is not Activation.NONE:
        raise UnsupportedOp(f"{place(graph, op)}: a fused activation")
    same_rank = all(len(part) == len(output.shape) for part in parts)
    whole = sum(part[axis] for part in parts) if same_rank else 0
    fits = same_rank and all((*part[:axis], whole, *part[axis + 1 :]) == output.shape for part in parts)
    require(graph, op, fits, f"{[tensor.shape for tensor in tensors]} into {output.shape}")
    if prod(output.shape[:axis]) == 1 and concatenates_in_place(graph, op):
        return view_call()
    steps, start = strides(output.shape), 0
    moves: list[Move] = []
    for index, part in enumerate(parts):
        element_bytes = output.dtype.size_bytes(1)
        moves.append(box(part, strides(part), steps, element_bytes, source=index, out_start=start * steps[axis]))
        start += part[axis]
    return move_call(graph, op, moves)


CANDIDATES = (_ref,)
