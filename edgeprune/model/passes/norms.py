"""x * scale + shift per channel of an image, which a lone batch norm leaves, as one 1x1 depthwise convolution.

It takes in the activation behind it, keeps the sum in 32 bits, and costs one operator instead of two.
"""

from __future__ import annotations

from dataclasses import replace

from edgeprune.ir import Activation, Conv2dAttrs, Graph, Op, OpKind
from edgeprune.model.passes.rewritten import Repeats, Rewritten


def run(before: Rewritten) -> Rewritten:
    result, position = before, 0
    while position < len(result.graph.ops):
        product = result.graph.ops[position]
        behind = _sum_behind(result.graph, product)
        if behind is not None:
            result = _joined(result, position, behind)
        position += 1
    return result


def _joined(before: Rewritten, position: int, behind: int) -> Rewritten:
    graph = before.graph
    product, total = graph.ops[position], graph.ops[behind]
    data, scale = _image_and_constant(graph, product)
    _, shift = _image_and_constant(graph, total)
    held = graph.tensors[shift]
    flat = None if held.data is None else held.data.reshape(-1)
    bias = replace(held, name=f"{held.name}.flat", shape=held.shape[3:], data=flat)
    result, bias_index = before.adding(bias, Repeats(shift, (3,)))
    attrs = Conv2dAttrs(activation=total.activation)
    kind = OpKind.CONV_2D if bias.shape == (1,) else OpKind.DEPTHWISE_CONV_2D  # over one channel both are the same
    layer = Op(kind, total.name, (data, scale, bias_index), total.outputs, attrs)
    ops = [op for index, op in enumerate(graph.ops) if index != behind]
    ops[position] = layer
    return result.with_ops(tuple(ops))


def _sum_behind(graph: Graph, product: Op) -> int | None:
    """The ADD that alone reads a product with a constant per channel and adds another."""
    if product.kind is not OpKind.MUL or product.activation is not Activation.NONE or not _per_channel(graph, product):
        return None
    readers = graph.consumers.get(product.outputs[0], ())
    if len(readers) != 1 or product.outputs[0] in graph.outputs:
        return None
    total = graph.ops[readers[0]]
    if total.kind is not OpKind.ADD or not _per_channel(graph, total):
        return None
    return readers[0] if _image_and_constant(graph, total)[0] == product.outputs[0] else None


def _per_channel(graph: Graph, op: Op) -> bool:
    shape = graph.output_of(op).shape
    constants = [index for index in op.inputs if graph.tensors[index].is_constant]
    if len(shape) != 4 or len(constants) != 1 or len(op.inputs) != 2:
        return False
    image, constant = _image_and_constant(graph, op)
    return graph.tensors[constant].shape == (1, 1, 1, shape[3]) and graph.tensors[image].shape == shape


def _image_and_constant(graph: Graph, op: Op) -> tuple[int, int]:
    first, second = op.inputs[:2]
    return (second, first) if graph.tensors[first].is_constant else (first, second)
