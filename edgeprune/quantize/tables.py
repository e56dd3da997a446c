"""A FUNCTION between quantized tensors is a TABLE of its results, worked out in float64.

They are those of the 256 values of int8, or of the rows that int16 indices pick, as far as results differ.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.errors import ModelError
from edgeprune.ir import (
    INDEX_QPARAMS,
    ROWS_OF_INT16,
    DType,
    FunctionAttrs,
    Graph,
    Op,
    OpKind,
    QParams,
    Tensor,
    attrs_of,
    table_rows,
    value_of,
)

_VALUES = np.arange(-128, 128)
_FARTHEST = 1e30  # in place of what is infinite


def tabulated(graph: Graph) -> Graph:
    """The int8 graph with every FUNCTION as a TABLE.

    Raises:
        ModelError: a FUNCTION of another type than int8, and of no indices.
    """
    tensors, ops, known = list(graph.tensors), list[Op](), dict[object, int]()
    indices = np.arange(_index_rows(graph))
    for op in graph.ops:
        ops.append(_table_of(op, tensors, known, indices) if op.kind is OpKind.FUNCTION else op)
    return replace(graph, tensors=tuple(tensors), ops=tuple(ops))


def _index_rows(graph: Graph) -> int:
    """Rows of the longest table that int16 indices pick from; the most there may be where none does."""
    tables = [op for op in graph.ops if op.kind is OpKind.TABLE and graph.tensors[op.inputs[0]].dtype is DType.INT16]
    return max((table_rows(graph, op) for op in tables), default=ROWS_OF_INT16)


def _table_of(op: Op, tensors: list[Tensor], known: dict[object, int], indices: np.ndarray) -> Op:
    source, output = tensors[op.inputs[0]], tensors[op.outputs[0]]
    is_index = source.dtype is DType.INT16 and source.qparams == INDEX_QPARAMS[DType.INT16]
    if not (source.dtype is DType.INT8 or is_index) or source.qparams is None or output.qparams is None:
        raise ModelError(f"{op.name}: a function of {source.dtype} values has no table", "export it as int8")
    key = op.attrs, source.qparams, output.qparams
    if key not in known:
        results = _results(op, indices if is_index else _VALUES, source.qparams, output.qparams)
        if is_index:  # what lies beyond the table is taken as its last row
            results = results[: 2 + int(np.flatnonzero(np.diff(results)).max(initial=-1))]
        known[key] = len(tensors)
        tensors.append(
            Tensor(f"{op.name}.table", (len(results),), DType.INT8, output.qparams, results, is_constant=True)
        )
    return Op(OpKind.TABLE, op.name, (op.inputs[0], known[key]), op.outputs)


def _results(op: Op, values: np.ndarray, source: QParams, output: QParams) -> np.ndarray:
    """(values,) int8, to the nearest step; at the ends of the scale what is beyond them, zero where nothing is
    defined."""
    argument = np.asarray((values - source.zero_point[0]) * source.scale[0], np.float64)
    real = value_of(attrs_of(op, FunctionAttrs).term, argument)
    real = np.nan_to_num(np.broadcast_to(real, values.shape), nan=0.0, posinf=_FARTHEST, neginf=-_FARTHEST)
    steps = np.round(real / output.scale[0]) + output.zero_point[0]
    held: np.ndarray = np.clip(steps, -128, 127).astype(np.int8)
    return held
