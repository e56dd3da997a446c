"""Which tensors hold no value below zero, whatever the data: known from operators alone."""

from __future__ import annotations

from edgeprune.ir.attrs import Activation
from edgeprune.ir.graph import Graph, Op
from edgeprune.ir.kinds import OpKind

_CLAMPS_AT_ZERO = (Activation.RELU, Activation.RELU6)
_ALWAYS = frozenset({OpKind.LOGISTIC, OpKind.SOFTMAX, OpKind.ABS, OpKind.SQUARE, OpKind.SQRT, OpKind.RSQRT})
_OF_ALL_INPUTS = frozenset({
    OpKind.ADD, OpKind.MUL, OpKind.MINIMUM, OpKind.BATCH_MATMUL, OpKind.MEAN, OpKind.SUM, OpKind.REDUCE_MAX,
    OpKind.TANH, OpKind.LEAKY_RELU, OpKind.HARD_SWISH, OpKind.ELU, OpKind.GELU, OpKind.QUANTIZE, OpKind.DEQUANTIZE,
    OpKind.L2_NORMALIZATION,
})  # fmt: skip
_OF_THE_FIRST = frozenset({OpKind.PRELU, OpKind.GATHER})  # the other input: slopes, positions


def never_negative(graph: Graph) -> frozenset[int]:
    """Activations that are zero or more; the same with and without data in the constants."""
    known: set[int] = set()
    for op in graph.ops:
        if _is_rectified(op, known):
            known.update(op.outputs)
    return frozenset(known)


def _is_rectified(op: Op, known: set[int]) -> bool:
    clamp = op.traits.standalone_activation or op.activation
    if clamp in _CLAMPS_AT_ZERO or op.kind in _ALWAYS:
        return True
    if op.kind is OpKind.MAXIMUM:
        return any(index in known for index in op.inputs)
    if op.kind in _OF_THE_FIRST:
        return op.inputs[0] in known
    if op.kind in _OF_ALL_INPUTS or op.traits.keeps_scale or op.traits.is_join:
        return all(index in known for index in op.inputs)
    return False
