"""A convolution between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND is a dilated one; without one they do nothing.

TensorFlow writes dilated convolutions so, Keras those of one dimension with a RESHAPE on either side of it.
"""

from __future__ import annotations

from dataclasses import replace

from edgeprune.engine.graph.edit import edited, same_values, sole_reader
from edgeprune.ir import (
    NO_ATTRS,
    NO_PAD,
    Conv2dAttrs,
    Graph,
    Op,
    OpKind,
    Pad,
    SpaceBatchAttrs,
    Tensor,
    attrs_of,
)

_LAYERS = (OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D)


def run(graph: Graph) -> Graph:
    for index, op in enumerate(graph.ops):
        if op.kind is OpKind.SPACE_TO_BATCH_ND:
            chain = _chain(graph, index)
            folded = None if chain is None else _folded(graph, chain)
            if folded is not None:
                return folded
    return graph


def _chain(graph: Graph, first: int) -> list[int] | None:
    """From a SPACE_TO_BATCH_ND to the BATCH_TO_SPACE_ND of the same blocks; None where others read what is between."""
    block, chain = attrs_of(graph.ops[first], SpaceBatchAttrs).block, [first]
    while True:
        reader = sole_reader(graph, graph.ops[chain[-1]].outputs[0])
        if reader is None or graph.ops[reader].inputs[0] != graph.ops[chain[-1]].outputs[0]:
            return None
        op = graph.ops[reader]
        chain.append(reader)
        if op.kind is OpKind.BATCH_TO_SPACE_ND:
            return chain if attrs_of(op, SpaceBatchAttrs).block == block else None
        if not (op.traits.is_reshape or op.kind in _LAYERS) or len(chain) > 4:
            return None


def _folded(graph: Graph, chain: list[int]) -> Graph | None:
    ops = [graph.ops[index] for index in chain]
    before, after = (attrs_of(op, SpaceBatchAttrs) for op in (ops[0], ops[-1]))
    source, result = ops[0].inputs[0], ops[-1].outputs[0]
    layers = [position for position, op in enumerate(ops) if op.kind in _LAYERS]
    if not layers:
        plain = len(ops) == 2 and before.edges == after.edges and same_values(graph, source, result)
        view = Op(OpKind.RESHAPE, ops[-1].name, (source,), (result,), NO_ATTRS)
        return edited(graph, chain[:1], replaced={chain[-1]: view}) if plain else None
    edges = [(pad - cut, more - less) for (pad, more), (cut, less) in zip(before.edges, after.edges, strict=True)]
    if len(layers) != 1 or min(min(edge) for edge in edges) < 0:
        return None
    layer, position = ops[layers[0]], layers[0]
    image, output = graph.tensors[layer.inputs[0]], graph.output_of(layer)
    attrs = attrs_of(layer, Conv2dAttrs)
    axes = _axes(graph.tensors[ops[0].outputs[0]], image), _axes(graph.tensors[ops[-1].inputs[0]], output)
    plain = attrs.stride == attrs.dilation == (1, 1) and attrs.pad == NO_PAD
    if axes[0] is None or axes[0] != axes[1] or not plain or not same_values(graph, source, layer.inputs[0]):
        return None
    if not same_values(graph, layer.outputs[0], result):
        return None
    dilation, pad = _spread(axes[0], before.block, edges)
    tensors = {
        layer.inputs[0]: replace(image, shape=_whole(graph.tensors[source], axes[0])),
        layer.outputs[0]: replace(output, shape=_whole(graph.tensors[result], axes[0])),
    }
    made = {chain[position]: replace(layer, attrs=replace(attrs, dilation=dilation, pad=pad))}
    dropped = set(chain) - {chain[position]}
    if position > 1:  # a RESHAPE stays, of the whole image
        made[chain[1]] = Op(OpKind.RESHAPE, ops[1].name, (source,), (layer.inputs[0],), NO_ATTRS)
        dropped.discard(chain[1])
    else:
        made[chain[position]] = replace(made[chain[position]], inputs=(source, *layer.inputs[1:]))
    if position < len(ops) - 2:
        made[chain[-1]] = Op(OpKind.RESHAPE, ops[-1].name, (layer.outputs[0],), (result,), NO_ATTRS)
        dropped.discard(chain[-1])
    else:
        made[chain[position]] = replace(made[chain[position]], outputs=(result,))
    return edited(graph, dropped, replaced=made, tensors=tensors)


def _axes(parts: Tensor, image: Tensor) -> tuple[int, ...] | None:
    """Which axis of the (N, H, W, C) image each axis of `parts` is; None where it is no plain view of it."""
    if len(image.shape) != 4 or parts.shape[0] != image.shape[0] or parts.shape[-1] != image.shape[-1]:
        return None
    if len(parts.shape) == 4:
        return (0, 1, 2, 3) if parts.shape == image.shape else None
    if len(parts.shape) != 3 or 1 not in image.shape[1:3] or parts.shape[1] not in image.shape[1:3]:
        return None
    return (0, 2, 3) if image.shape[1] == 1 else (0, 1, 3)


def _whole(tensor: Tensor, axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a tensor as an image."""
    shape = [1, 1, 1, 1]
    for axis, size in zip(axes, tensor.shape, strict=True):
        shape[axis] = size
    return tuple(shape)


def _spread(axes: tuple[int, ...], block: tuple[int, ...], edges: list[tuple[int, int]]) -> tuple[tuple[int, int], Pad]:
    """Dilation and pads along the image's height and width."""
    dilation, pads = {1: 1, 2: 1}, {1: (0, 0), 2: (0, 0)}
    for axis, size, edge in zip(axes[1:], block, edges, strict=False):
        dilation[axis], pads[axis] = size, edge
    return (dilation[1], dilation[2]), (*pads[1], *pads[2])
