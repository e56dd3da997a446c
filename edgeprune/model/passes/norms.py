"""x * scale + shift per channel, which a norm that stands alone leaves, as one 1x1 depthwise convolution.

It takes in the activation behind it, keeps the sum in 32 bits, and costs one operator instead of two. Rows of features
are an image of one row to it.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from edgeprune.ir import Activation, Conv2dAttrs, Graph, Op, OpKind
from edgeprune.model.passes.rewritten import Repeats, Rewritten

_IMAGE = 4  # axes


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
    data, scale = _data_and_constant(graph, product)
    _, shift = _data_and_constant(graph, total)
    result, weight = _shaped(before, scale, _IMAGE)
    result, bias = _shaped(result, shift, 1)
    result, image = _shaped(result, data, _IMAGE)
    result, made = _shaped(result, total.outputs[0], _IMAGE)
    kind = (
        OpKind.CONV_2D if graph.tensors[scale].element_count == 1 else OpKind.DEPTHWISE_CONV_2D
    )  # over one channel both are the same
    layer = Op(kind, total.name, (image, weight, bias), (made,), Conv2dAttrs(activation=total.activation))
    ops = [op for index, op in enumerate(graph.ops) if index != behind]
    ops[position : position + 1] = [
        *([Op(OpKind.RESHAPE, f"{total.name}.image", (data,), (image,))] if image != data else []),
        layer,
        *([Op(OpKind.RESHAPE, f"{total.name}.rows", (made,), total.outputs)] if made != total.outputs[0] else []),
    ]
    return result.with_ops(tuple(ops))


def _shaped(before: Rewritten, index: int, rank: int) -> tuple[Rewritten, int]:
    """The tensor with so many axes, those that come or go in front and of length 1; itself where it has them."""
    held = before.graph.tensors[index]
    if len(held.shape) == rank:
        return before, index
    own = len(held.shape)
    axes = tuple(axis if axis >= 0 else None for axis in range(own - rank, own))
    shape = tuple(1 if axis is None else held.shape[axis] for axis in axes)
    data = None if held.data is None else held.data.reshape(shape)
    return before.adding(replace(held, name=f"{held.name}.of_{rank}", shape=shape, data=data), Repeats(index, axes))


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
    return readers[0] if _data_and_constant(graph, total)[0] == product.outputs[0] else None


def _per_channel(graph: Graph, op: Op) -> bool:
    shape = graph.output_of(op).shape
    constants = [index for index in op.inputs if graph.tensors[index].is_constant]
    if not 2 <= len(shape) <= _IMAGE or len(constants) != 1 or len(op.inputs) != 2:
        return False
    data, constant = _data_and_constant(graph, op)
    own = graph.tensors[constant].shape
    return own[-1:] == shape[-1:] and prod(own) == shape[-1] and graph.tensors[data].shape == shape


def _data_and_constant(graph: Graph, op: Op) -> tuple[int, int]:
    first, second = op.inputs[:2]
    return (second, first) if graph.tensors[first].is_constant else (first, second)
