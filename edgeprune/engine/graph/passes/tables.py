"""CAST and GATHER of a constant's rows become the TABLE they are (`engine/tflite/functions.py`).

The indices are int8 by way of a QUANTIZE to uint8, or int16. A MAXIMUM and a MINIMUM that hold them within the rows go,
too: the TABLE takes what lies beyond its rows as the nearest one.
"""

from __future__ import annotations

from edgeprune.engine.graph.edit import edited
from edgeprune.ir import DType, GatherAttrs, Graph, Op, OpKind, attrs_of

_OFFSET = 128


def run(graph: Graph) -> Graph:
    replaced: dict[int, Op] = {}
    for index, op in enumerate(graph.ops):
        if op.kind is not OpKind.GATHER or attrs_of(op, GatherAttrs).axis != 0:
            continue
        rows = graph.tensors[op.inputs[0]]
        source = _source(graph, _unlimited(graph, op.inputs[1], rows.shape[0])) if rows.is_constant else None
        if source is not None:
            replaced[index] = Op(OpKind.TABLE, op.name, (source, op.inputs[0]), op.outputs)
    return edited(graph, replaced=replaced)


def _unlimited(graph: Graph, indices: int, rows: int) -> int:
    """The indices before limits that take no row from their reach."""
    while (position := graph.producer.get(indices)) is not None:
        op = graph.ops[position]
        limit = graph.input_of(op, 1)
        if (
            op.kind not in (OpKind.MAXIMUM, OpKind.MINIMUM)
            or limit is None
            or limit.data is None
            or limit.data.size != 1
        ):
            break
        value = int(limit.data.reshape(()))
        if value > 0 if op.kind is OpKind.MAXIMUM else value < rows - 1:
            break
        indices = op.inputs[0]
    return indices


def _source(graph: Graph, indices: int) -> int | None:
    """The int8 tensor whose distances from -128 these indices are, or the int16 tensor that holds them."""
    cast = _maker(graph, indices, OpKind.CAST)
    if cast is not None and graph.tensors[cast.inputs[0]].dtype is DType.INT16:
        return cast.inputs[0]
    quantize = None if cast is None else _maker(graph, cast.inputs[0], OpKind.QUANTIZE)
    if quantize is None:
        return None
    before, after = graph.tensors[quantize.inputs[0]], graph.output_of(quantize)
    if (before.dtype, after.dtype) != (DType.INT8, DType.UINT8) or before.qparams is None or after.qparams is None:
        return None
    same_scale = before.qparams.scale == after.qparams.scale and len(before.qparams.scale) == 1
    shifted = before.qparams.zero_point[0] + _OFFSET == after.qparams.zero_point[0]
    return quantize.inputs[0] if same_scale and shifted else None


def _maker(graph: Graph, tensor: int, kind: OpKind) -> Op | None:
    position = graph.producer.get(tensor)
    return graph.ops[position] if position is not None and graph.ops[position].kind is kind else None
