"""Float operators between one int8 tensor and its way back to int8 become a TABLE: 256 inputs, 256 results.

DEQUANTIZE (or CAST), operators that work element by element with numbers, and QUANTIZE. A table of floats stands for
what stays float, where its 256 results are LiteRT's to the bit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.engine.graph.edit import edited
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor
from edgeprune.ir.float32 import ELEMENTWISE, EXACT, Floats, value_of

_BYTES = (DType.INT8, DType.UINT8)
_MOST_OPS = 64


def run(graph: Graph) -> Graph:
    tensors, replaced = list(graph.tensors), dict[int, Op]()
    for index, op in enumerate(graph.ops):
        island = _island(graph, op)
        if island is None:
            continue
        source, values = island
        output = graph.output_of(op)
        tensors.append(replace(output, name=f"{op.name}.table", shape=(256,), data=values, is_constant=True))
        replaced[index] = Op(OpKind.TABLE, op.name, (source, len(tensors) - 1), op.outputs)
    return edited(graph.with_tensors(tuple(tensors)), replaced=replaced) if replaced else graph


def _island(graph: Graph, op: Op) -> tuple[int, np.ndarray] | None:
    """The tensor of bytes that an operator's output is a function of, and its (256,) results."""
    output = graph.output_of(op)
    if output.dtype not in (*_BYTES, DType.FLOAT32):
        return None
    if op.kind is OpKind.QUANTIZE:
        island = _Island(graph, ELEMENTWISE)
        reals = island.reals(op.inputs[0])
        values = None if reals is None else _quantized(reals, output)
    elif output.dtype is DType.FLOAT32 and op.kind in EXACT and len(op.outputs) == 1 and _is_end(graph, op):
        island = _Island(graph, EXACT)
        values = island.reals(op.outputs[0])
        values = values if values is not None and np.isfinite(values).all() else None
    else:
        return None
    if values is None or island.source is None or graph.tensors[island.source].shape != output.shape:
        return None
    return island.source, values


def _is_end(graph: Graph, op: Op) -> bool:
    """Whether an operator's float output leaves the elementwise ones: the last of a row of them becomes the table."""
    (output,) = op.outputs
    readers = [graph.ops[reader].kind for reader in graph.consumers.get(output, ())]
    return output in graph.outputs or not all(kind in ELEMENTWISE or kind is OpKind.QUANTIZE for kind in readers)


def _quantized(reals: Floats, output: Tensor) -> np.ndarray | None:
    """As QUANTIZE writes them; None where its cast to integer would be undefined."""
    if output.qparams is None or len(output.qparams.scale) != 1:
        return None
    with np.errstate(all="ignore"):
        steps = reals / np.float32(output.qparams.scale[0])
    if not (np.abs(steps) < 1 << 30).all():
        return None
    near = np.sign(steps) * np.floor(np.abs(steps.astype(np.float64)) + 0.5)
    kind = np.int8 if output.dtype is DType.INT8 else np.uint8
    limits = np.iinfo(kind)
    return np.asarray(np.clip(near + output.qparams.zero_point[0], limits.min, limits.max)).astype(kind)


class _Island:
    """Values of float tensors for each byte of one tensor they all come from."""

    def __init__(self, graph: Graph, kinds: frozenset[OpKind]):
        self.source: int | None = None
        self._graph, self._kinds = graph, kinds
        self._known: dict[int, Floats | None] = {}

    def reals(self, tensor: int) -> Floats | None:
        """(256,) in the order of the bytes' values, or a number; None where it is no function of one tensor."""
        if tensor not in self._known:
            self._known[tensor] = None  # until it is known
            self._known[tensor] = self._worked_out(tensor)
        return self._known[tensor]

    def _worked_out(self, index: int) -> Floats | None:
        tensor = self._graph.tensors[index]
        if tensor.is_constant:
            single = tensor.data is not None and tensor.data.size == 1 and tensor.dtype in (DType.FLOAT32, DType.BOOL)
            return np.asarray(tensor.data, np.float32).reshape(()) if single else None
        position = self._graph.producer.get(index)
        if position is None or len(self._known) > _MOST_OPS:
            return None
        op = self._graph.ops[position]
        if op.kind in (OpKind.DEQUANTIZE, OpKind.CAST) and self._graph.tensors[op.inputs[0]].dtype in _BYTES:
            return self._leaf(op) if tensor.dtype is DType.FLOAT32 else None
        if op.kind not in self._kinds or min(op.inputs) < 0 or tensor.dtype not in (DType.FLOAT32, DType.BOOL):
            return None
        given = [self.reals(each) for each in op.inputs]
        if self.source is None or tensor.shape != self._graph.tensors[self.source].shape:
            return None
        known = [each for each in given if each is not None]
        return value_of(op, known) if len(known) == len(given) else None

    def _leaf(self, op: Op) -> Floats | None:
        source = op.inputs[0]
        if self.source not in (None, source):
            return None
        self.source, tensor = source, self._graph.tensors[source]
        values = np.arange(-128, 128) if tensor.dtype is DType.INT8 else np.arange(256)
        if op.kind is OpKind.CAST:
            return values.astype(np.float32)
        if tensor.qparams is None or len(tensor.qparams.scale) != 1:
            return None
        return np.float32(tensor.qparams.scale[0]) * (values - tensor.qparams.zero_point[0]).astype(np.float32)
