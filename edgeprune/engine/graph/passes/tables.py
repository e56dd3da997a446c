"""QUANTIZE to uint8, CAST and GATHER of a constant's rows become the TABLE they are (`engine/tflite/functions.py`)."""

from __future__ import annotations

from edgeprune.engine.graph.edit import edited
from edgeprune.ir import DType, GatherAttrs, Graph, Op, OpKind, attrs_of

_OFFSET = 128


def run(graph: Graph) -> Graph:
    replaced: dict[int, Op] = {}
    for index, op in enumerate(graph.ops):
        if op.kind is not OpKind.GATHER or attrs_of(op, GatherAttrs).axis != 0:
            continue
        source = _source(graph, op.inputs[1])
        if source is not None and graph.tensors[op.inputs[0]].is_constant:
            replaced[index] = Op(OpKind.TABLE, op.name, (source, op.inputs[0]), op.outputs)
    return edited(graph, replaced=replaced)


def _source(graph: Graph, indices: int) -> int | None:
    """The int8 tensor whose distances from -128 these indices are."""
    cast = _maker(graph, indices, OpKind.CAST)
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
