"""RESHAPE, SQUEEZE, EXPAND_DIMS: the same bytes under another shape. And when a concatenation or split is one, too."""

from __future__ import annotations

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall, Symbols
from edgeprune.engine.kernels.movement.moves import Side, box, move_call
from edgeprune.engine.kernels.operands import CTYPES, place, require
from edgeprune.errors import UnsupportedOp
from edgeprune.hardware.profile import Isa
from edgeprune.ir import Graph, Op, OpKind, Tensor

VIEW_ALIGN_BYTES = 4
ANY_TYPE = tuple(CTYPES)
"""Of kernels that move bytes, whatever they mean; of half floats there are only constants."""


def view_call() -> KernelCall:
    """The call that does nothing: the planner puts the outputs where the inputs are."""

    def emit(s: Symbols) -> str:
        return ""

    return KernelCall(function="ep_view", emit=emit, is_view=True)


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    data, output = graph.input_of(op, 0), graph.output_of(op)
    require(graph, op, data is not None, "input 0 is missing")
    assert data is not None
    require(graph, op, data.element_count == output.element_count, f"{data.shape} into {output.shape}")
    check_types(graph, op, data, output)
    if op.inputs[0] in graph.inputs and op.outputs[0] in graph.outputs:
        return _copy(graph, op, data)  # a model's input and output are two tensors to whoever calls it
    stays = not data.is_constant and not data.is_variable and not output.is_variable
    return view_call() if stays else _copy(graph, op, data)


def _copy(graph: Graph, op: Op, data: Tensor) -> KernelCall:
    return move_call(graph, op, [box([data.element_count], Side([1]), Side([1]), data.dtype.size_bytes(1))])


def check_types(graph: Graph, op: Op, *tensors: Tensor) -> None:
    """Raises UnsupportedOp where tensors between which bytes move differ in type, or are half floats.

    Scales and zero points may differ: LiteRT moves the bytes all the same.
    """
    if any(tensor.dtype is not tensors[0].dtype for tensor in tensors):
        raise UnsupportedOp(f"{place(graph, op)}: its tensors differ in type")
    if tensors[0].dtype not in ANY_TYPE:
        raise UnsupportedOp(
            f"{place(graph, op)}: moves {tensors[0].dtype}", "quantize the model, or leave it in float32"
        )


def check_same(graph: Graph, op: Op, *tensors: Tensor) -> None:
    """As `check_types`, and scale and zero point must be equal too, where LiteRT requires that."""
    check_types(graph, op, *tensors)
    if any(tensor.qparams != tensors[0].qparams for tensor in tensors):
        raise UnsupportedOp(f"{place(graph, op)}: its tensors differ in scale or zero point", "quantize them alike")


def concatenates_in_place(graph: Graph, op: Op) -> bool:
    """True where the inputs can be written end to end at once: no other op needs them elsewhere."""
    roots = []
    for index in op.inputs:
        tensor = graph.tensors[index]
        if tensor.is_constant or tensor.is_variable or tensor.size_bytes % VIEW_ALIGN_BYTES:
            return False
        while True:
            if graph.consumers[index] != (graph.consumers[index][0],) or index in graph.outputs:
                return False
            if index not in graph.producer:
                break
            producer = graph.ops[graph.producer[index]]
            if producer.traits.is_join or producer.traits.is_split:
                return False
            if not producer.traits.is_reshape:
                break
            index = producer.inputs[0]
        roots.append(index)
    return len(set(roots)) == len(roots)


def splits_in_place(graph: Graph, op: Op) -> bool:
    """True where the outputs can stay inside the input."""
    data = graph.input_of(op, 0)
    sizes = [graph.output_of(op, index).size_bytes for index in range(len(op.outputs))]
    return (
        data is not None
        and not data.is_constant
        and not data.is_variable
        and op.inputs[0] not in graph.inputs
        and not any(output in graph.outputs for output in op.outputs)
        and not any(size % VIEW_ALIGN_BYTES for size in sizes)
    )


TYPES = ANY_TYPE
KERNELS = dict.fromkeys((OpKind.RESHAPE, OpKind.SQUEEZE, OpKind.EXPAND_DIMS), _ref)
