"""Whole numbers that pick rows of tables, as tokens pick an embedding's: which tensors hold them, and how.

Up to 256 rows are told apart by int8, 0 as its least value; up to 32,768 by int16, each number as itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgeprune.ir.graph import DType, Graph, Op, QParams
from edgeprune.ir.kinds import OpKind

INDEX_QPARAMS: Mapping[DType, QParams] = {
    DType.INT8: QParams((1.0,), (-128,)),
    DType.INT16: QParams((1.0,), (0,)),
}
ROWS_OF_INT8, ROWS_OF_INT16 = 1 << 8, 1 << 15

INDEX_KINDS = frozenset({
    OpKind.RESHAPE, OpKind.SQUEEZE, OpKind.EXPAND_DIMS, OpKind.TRANSPOSE, OpKind.SLICE, OpKind.STRIDED_SLICE,
    OpKind.SPLIT, OpKind.SPLIT_V, OpKind.UNPACK, OpKind.PACK, OpKind.CONCATENATION, OpKind.GATHER, OpKind.PAD,
    OpKind.PADV2, OpKind.MIRROR_PAD, OpKind.MAXIMUM, OpKind.MINIMUM, OpKind.ADD, OpKind.SUB,
})  # fmt: skip
"""Operators that give whole numbers exactly, as int16 of scale 1, where they read such."""

READS_INDICES = frozenset({OpKind.TABLE, OpKind.FUNCTION})
"""Operators that look input 0 up, so that what they give has another type than what they read."""


def int16_indices(graph: Graph) -> frozenset[int]:
    """Activations that hold indices which int8 does not tell apart, from the network's inputs to the tables.

    Tables with few rows are among their readers where they have such an input in common.
    """
    chains = {position: _chain(graph, op.inputs[0]) for position, op in enumerate(graph.ops) if op.kind is OpKind.TABLE}
    wide = [chain for position, chain in chains.items() if table_rows(graph, graph.ops[position]) > ROWS_OF_INT8]
    inputs = frozenset[int]().union(*wide) & {*graph.inputs}
    return frozenset[int]().union(*(chain for chain in chains.values() if chain & inputs))


def index_inputs(graph: Graph) -> dict[int, str]:
    """Inputs of the network whose values are looked up -> the table's name; they hold whole numbers alone."""
    found = dict[int, str]()
    for op in graph.ops:
        if op.kind is OpKind.TABLE:
            for tensor in sorted(_chain(graph, op.inputs[0]) & {*graph.inputs}):
                found.setdefault(tensor, op.name)
    return found


def table_rows(graph: Graph, table: Op) -> int:
    return graph.tensors[table.inputs[1]].shape[0]


def _chain(graph: Graph, tensor: int) -> frozenset[int]:
    """The tensor and the activations it is made of, as far as they are whole numbers for certain."""
    found, ahead = set[int](), [tensor]
    while ahead:
        index = ahead.pop()
        if index in found or index < 0 or graph.tensors[index].is_constant:
            continue
        maker = graph.producer.get(index)
        op = None if maker is None else graph.ops[maker]
        if (op is None and index not in graph.inputs) or (op is not None and op.kind not in INDEX_KINDS):
            continue
        found.add(index)
        ahead += () if op is None else op.inputs
    return frozenset(found)
