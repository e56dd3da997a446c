"""A graph in a form that TFLite's operators can state: what it knows no padding for becomes an operator of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from edgeprune.engine.tflite.functions import function_ops, length_ops, table_ops
from edgeprune.engine.tflite.padding import padding_mode, window_of
from edgeprune.ir import (
    NO_PAD,
    Conv2dAttrs,
    DType,
    Graph,
    L2NormalizationAttrs,
    Op,
    OpKind,
    Pad,
    PadAttrs,
    PoolAttrs,
    SliceAttrs,
    Tensor,
    TransposeConvAttrs,
    attrs_of,
)

_PADDED = (OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D, OpKind.MAX_POOL_2D)  # zeros count in an average
_LEAST_FLOAT = float(np.finfo(np.float32).min)


@dataclass
class _Rewritten:
    """Attributes:
    padded: (tensor, pad, operator that pads it) -> the padded tensor: who reads the same shares it.
    indices: tensor, and the rows its values are held within -> the indices of rows made of it.
    """

    tensors: list[Tensor]
    ops: list[Op]
    padded: dict[tuple[int, Pad, OpKind], int] = field(default_factory=dict)
    indices: dict[tuple[int, int | None], int] = field(default_factory=dict)

    def new(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1


def expressible(graph: Graph) -> Graph:
    """The same function with every pad SAME or VALID, and without operators of our own.

    A convolution's other pads become a PAD before it, a maximum pool's a PADV2 with the least value there is; a
    transposed convolution is computed whole (VALID), lengthened by zero taps where its result is, and cut by a SLICE.
    A FUNCTION becomes its operators, so does an L2_NORMALIZATION with an epsilon, and a TABLE a GATHER of its rows.
    `clean` takes them back in, but for the first two. New tensors stand behind the others.
    """
    made = _Rewritten(list(graph.tensors), [])
    for op in graph.ops:
        if op.kind in _PADDED and padding_mode(graph, op) is None:
            _pad_first(graph, op, made)
        elif op.kind is OpKind.TRANSPOSE_CONV and padding_mode(graph, op) is None:
            _cut_after(graph, op, made)
        elif op.kind is OpKind.FUNCTION:
            made.ops += function_ops(op, made.tensors)
        elif op.kind is OpKind.L2_NORMALIZATION and attrs_of(op, L2NormalizationAttrs).epsilon:
            made.ops += length_ops(op, made.tensors)
        elif op.kind is OpKind.TABLE:
            made.ops += table_ops(op, made.tensors, made.indices)
        else:
            made.ops.append(op)
    return replace(graph, tensors=tuple(made.tensors), ops=tuple(made.ops))


def _pad_first(graph: Graph, op: Op, made: _Rewritten) -> None:
    kind = OpKind.PADV2 if op.kind is OpKind.MAX_POOL_2D else OpKind.PAD
    key = (op.inputs[0], window_of(graph, op)[1], kind)
    if key not in made.padded:
        made.padded[key] = _padded(graph, op, kind, made)
    made.ops.append(replace(op, inputs=(made.padded[key], *op.inputs[1:]), attrs=_unpadded(op)))


def _padded(graph: Graph, op: Op, kind: OpKind, made: _Rewritten) -> int:
    image = graph.tensors[op.inputs[0]]
    _, (top, bottom, left, right), _, _ = window_of(graph, op)
    n, height, width, channels = image.shape
    shape = (n, height + top + bottom, width + left + right, channels)
    padded = made.new(replace(image, name=f"{op.name}.padded", shape=shape))
    attrs = PadAttrs(padding=((0, 0), (top, bottom), (left, right), (0, 0)))
    values = (made.new(_least(image, op.name)),) if kind is OpKind.PADV2 else ()
    made.ops.append(Op(kind, f"{op.name}.pad", (op.inputs[0], *values), (padded,), attrs))
    return padded


def _least(image: Tensor, name: str) -> Tensor:
    """The least value of the image's type, as a scalar of its quantization."""
    integers = {DType.INT8: (np.int8, -128), DType.INT16: (np.int16, -32768)}
    kind, value = integers.get(image.dtype, (np.float32, _LEAST_FLOAT))
    return Tensor(f"{name}.least", (), image.dtype, image.qparams, np.array(value, kind), is_constant=True)


def _unpadded(op: Op) -> Conv2dAttrs | PoolAttrs:
    if op.traits.attrs is PoolAttrs:
        return replace(attrs_of(op, PoolAttrs), pad=NO_PAD)
    return replace(attrs_of(op, Conv2dAttrs), pad=NO_PAD)


def _cut_after(graph: Graph, op: Op, made: _Rewritten) -> None:
    attrs, output = attrs_of(op, TransposeConvAttrs), graph.output_of(op)
    top, bottom, left, right = attrs.pad
    longer = (max(-bottom, 0), max(-right, 0))
    weight = op.inputs[1]
    if any(longer):
        weight = made.new(_lengthened(graph.tensors[weight], longer, op.name))
    n, height, width, channels = output.shape
    cut: Pad = (top, max(bottom, 0), left, max(right, 0))
    whole = (n, height + cut[0] + cut[1], width + cut[2] + cut[3], channels)
    lengthened = replace(op, inputs=(op.inputs[0], weight, *op.inputs[2:]), attrs=replace(attrs, pad=NO_PAD))
    if not any(cut):
        made.ops.append(lengthened)
        return
    uncut = made.new(replace(output, name=f"{op.name}.uncut", shape=whole))
    made.ops.append(replace(lengthened, outputs=(uncut,)))
    slice_attrs = SliceAttrs(begin=(0, top, left, 0), size=output.shape)
    made.ops.append(Op(OpKind.SLICE, f"{op.name}.cut", (uncut,), op.outputs, slice_attrs))


def _lengthened(weight: Tensor, longer: tuple[int, int], name: str) -> Tensor:
    """Zero taps behind the filter's last row and column."""
    outputs, rows, columns, inputs = weight.shape
    shape = (outputs, rows + longer[0], columns + longer[1], inputs)
    data = weight.data
    if data is not None:
        data = np.pad(data, ((0, 0), (0, longer[0]), (0, longer[1]), (0, 0)))
    return replace(weight, name=f"{name}.lengthened", shape=shape, data=data)
