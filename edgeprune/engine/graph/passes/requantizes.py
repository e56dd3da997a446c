"""QUANTIZE to the scale a tensor has already, and DEQUANTIZE followed by QUANTIZE back to it, do nothing."""

from __future__ import annotations

from edgeprune.engine.graph.edit import edited, same_values
from edgeprune.ir import DType, Graph, OpKind

_EXACT = (DType.INT8, DType.INT16)  # (q - zero) * scale / scale rounds back to q - zero in float32


def run(graph: Graph) -> Graph:
    dropped: list[int] = []
    uses: dict[int, int] = {}
    for index, op in enumerate(graph.ops):
        if op.kind is not OpKind.QUANTIZE:
            continue
        source, output = op.inputs[0], op.outputs[0]
        before = graph.ops[graph.producer[source]] if source in graph.producer else None
        if before is not None and before.kind is OpKind.DEQUANTIZE:
            source = before.inputs[0]
        same = same_values(graph, source, output) and graph.tensors[source].dtype in _EXACT
        if same and output not in graph.outputs:
            dropped.append(index)
            uses[output] = source
    return edited(graph, dropped, uses)
