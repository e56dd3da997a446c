"""A FUNCTION between quantized tensors is a TABLE of its 256 results, worked out in float64."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.errors import ModelError
from edgeprune.ir import DType, FunctionAttrs, Graph, Op, OpKind, QParams, Tensor, attrs_of, value_of

_VALUES = np.arange(-128, 128)
_FARTHEST = 1e30  # in place of what is infinite


def tabulated(graph: Graph) -> Graph:
    """The int8 graph with every FUNCTION as a TABLE.

    Raises:
        ModelError: a FUNCTION of another type than int8.
    """
    tensors, ops, known = list(graph.tensors), list[Op](), dict[object, int]()
    for op in graph.ops:
        ops.append(_table_of(op, tensors, known) if op.kind is OpKind.FUNCTION else op)
    return replace(graph, tensors=tuple(tensors), ops=tuple(ops))


def _table_of(op: Op, tensors: list[Tensor], known: dict[object, int]) -> Op:
    source, output = tensors[op.inputs[0]], tensors[op.outputs[0]]
    if source.dtype is not DType.INT8 or source.qparams is None or output.qparams is None:
        raise ModelError(f"{op.name}: a function of {source.dtype} values has no table", "export it as int8")
    key = op.attrs, source.qparams, output.qparams
    if key not in known:
        results = _results(op, source.qparams, output.qparams)
        known[key] = len(tensors)
        tensors.append(
            Tensor(f"{op.name}.table", (len(_VALUES),), DType.INT8, output.qparams, results, is_constant=True)
        )
    return Op(OpKind.TABLE, op.name, (op.inputs[0], known[key]), op.outputs)


def _results(op: Op, source: QParams, output: QParams) -> np.ndarray:
    """(256,) int8, to the nearest step; at the ends of the scale what is beyond them, zero where nothing is defined."""
    argument = np.asarray((_VALUES - source.zero_point[0]) * source.scale[0], np.float64)
    real = value_of(attrs_of(op, FunctionAttrs).term, argument)
    real = np.nan_to_num(np.broadcast_to(real, _VALUES.shape), nan=0.0, posinf=_FARTHEST, neginf=-_FARTHEST)
    steps = np.round(real / output.scale[0]) + output.zero_point[0]
    held: np.ndarray = np.clip(steps, -128, 127).astype(np.int8)
    return held
