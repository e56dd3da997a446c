"""A RELU of its own becomes the activation of the operator before it, where both scales are the same.

With equal scales the separate operator only clamps, to the range a fused activation clamps to; where zero is the lowest
value there is, a RELU does nothing at all.
"""

from __future__ import annotations

from dataclasses import replace

from edgeprune.graph.edit import edited, same_values, sole_reader
from edgeprune.ir import Activation, Graph, Op, OpKind

_ACTIVATIONS = {
    OpKind.RELU: Activation.RELU, OpKind.RELU6: Activation.RELU6, OpKind.RELU_N1_TO_1: Activation.RELU_N1_TO_1,
}  # fmt: skip
_HOSTS = (
    OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D, OpKind.TRANSPOSE_CONV, OpKind.FULLY_CONNECTED,
    OpKind.ADD, OpKind.SUB, OpKind.MUL, OpKind.AVERAGE_POOL_2D, OpKind.MAX_POOL_2D,
)  # fmt: skip


def run(graph: Graph) -> Graph:
    dropped: list[int] = []
    replaced: dict[int, Op] = {}
    uses: dict[int, int] = {}
    for index, op in enumerate(graph.ops):
        if op.kind not in _ACTIVATIONS:
            continue
        before, after = op.inputs[0], op.outputs[0]
        if op.kind is OpKind.RELU and after not in graph.outputs and _never_negative(graph, before, after):
            uses[after] = before
            dropped.append(index)
            continue
        host = graph.producer.get(before)
        if host is None or sole_reader(graph, before) != index or not same_values(graph, before, after):
            continue
        first = graph.ops[host]
        if first.kind in _HOSTS and first.attrs["activation"] is Activation.NONE:
            attrs = {**first.attrs, "activation": _ACTIVATIONS[op.kind]}
            replaced[host] = replace(first, outputs=(after,), attrs=attrs)
            dropped.append(index)
    return edited(graph, dropped, uses, replaced)


def _never_negative(graph: Graph, before: int, after: int) -> bool:
    qparams = graph.tensors[before].qparams
    return same_values(graph, before, after) and qparams is not None and qparams.zero_point == (-128,)
