"""PAD goes into the convolutions and max pools that read it.

A convolution skips what lies outside the image, which is what a pixel at the zero point adds: nothing. A max pool skips
it too, which is what the least value of its type adds.
"""

from __future__ import annotations

from dataclasses import replace

from edgeprune.engine.graph.edit import edited, same_values
from edgeprune.ir import Conv2dAttrs, DType, Graph, Op, OpKind, Pad, PadAttrs, PoolAttrs, attrs_of

_LEAST = {DType.INT8: -128, DType.INT16: -32768}


def run(graph: Graph) -> Graph:
    uses: dict[int, int] = {}
    replaced: dict[int, Op] = {}
    for op in graph.ops:
        if op.kind not in (OpKind.PAD, OpKind.PADV2):
            continue
        padded = op.outputs[0]
        readers = graph.consumers.get(padded, ())
        borders, value = _borders(op), _value(graph, op)
        if borders is None or value is None or padded in graph.outputs or not same_values(graph, op.inputs[0], padded):
            continue
        wider = {reader: _wider(graph, graph.ops[reader], padded, borders, value) for reader in readers}
        if wider and all(new is not None for new in wider.values()):
            uses[padded] = op.inputs[0]
            replaced.update({reader: new for reader, new in wider.items() if new is not None})
    return edited(graph, uses=uses, replaced=replaced)


def _borders(op: Op) -> Pad | None:
    """(top, bottom, left, right), None where other axes grow."""
    padding = attrs_of(op, PadAttrs).padding
    if len(padding) != 4 or any(padding[0]) or any(padding[3]):
        return None
    return (*padding[1], *padding[2])


def _value(graph: Graph, op: Op) -> int | None:
    """The value the border is filled with."""
    output = graph.output_of(op)
    if output.dtype not in _LEAST or output.qparams is None:
        return None
    if op.kind is OpKind.PAD:
        return output.qparams.zero_point[0]
    given = graph.input_of(op, 1)
    return None if given is None or given.data is None else int(given.data.reshape(-1)[0])


def _wider(graph: Graph, op: Op, padded: int, borders: Pad, value: int) -> Op | None:
    """`op` with the border in its own padding, None where that would not be the same."""
    tensor = graph.tensors[padded]
    if op.inputs[0] != padded or padded in op.inputs[1:] or tensor.qparams is None:
        return None
    attrs = op.attrs
    if isinstance(attrs, Conv2dAttrs):
        weights = graph.tensors[op.inputs[1]]
        taps, nothing = weights.shape[1:3], tensor.qparams.zero_point[0]
    elif isinstance(attrs, PoolAttrs) and op.kind is OpKind.MAX_POOL_2D:
        taps, nothing = attrs.filter, _LEAST[tensor.dtype]
    else:
        return None
    if value != nothing:
        return None
    spans = [(tap - 1) * spread + 1 for tap, spread in zip(taps, attrs.dilation, strict=True)]
    top, bottom, left, right = (own + more for own, more in zip(attrs.pad, borders, strict=True))
    if max(top, bottom) >= spans[0] or max(left, right) >= spans[1]:
        return None  # some window would lie outside the image altogether
    return replace(op, attrs=replace(attrs, pad=(top, bottom, left, right)))
