"""Elementwise operators that compute one value from one value, FUNCTIONs among them, become one FUNCTION.

x / (1 + |x|) is one table then, not four operators; so is 1 / sqrt(v / n + eps) in a norm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgeprune.ir import (
    ARGUMENT,
    Activation,
    Expression,
    FunctionAttrs,
    Graph,
    Op,
    Operand,
    OpKind,
    Term,
    attrs_of,
    with_argument,
)
from edgeprune.model.passes.needed import needed
from edgeprune.model.passes.rewritten import Rewritten

_UNARY = frozenset({
    OpKind.RELU, OpKind.RELU6, OpKind.RELU_N1_TO_1, OpKind.LEAKY_RELU, OpKind.HARD_SWISH, OpKind.GELU, OpKind.ELU,
    OpKind.LOGISTIC, OpKind.TANH, OpKind.SQRT, OpKind.RSQRT, OpKind.ABS,
})  # fmt: skip
_BINARY = frozenset({OpKind.ADD, OpKind.SUB, OpKind.MUL, OpKind.MAXIMUM, OpKind.MINIMUM})
_ROOTS = frozenset({OpKind.SQRT, OpKind.RSQRT})  # whose argument int8 must not round first
_CLAMPS = {
    Activation.RELU: OpKind.RELU, Activation.RELU6: OpKind.RELU6, Activation.RELU_N1_TO_1: OpKind.RELU_N1_TO_1
}  # fmt: skip


@dataclass(frozen=True)
class _Known:
    """A tensor as a term over another of its shape. steps: operators it takes."""

    root: int
    term: Expression
    steps: int = 0
    has_function: bool = False


def run(before: Rewritten) -> Rewritten:
    known = _known(before.graph)
    replaced: dict[int, Op] = {}
    for position, op in enumerate(before.graph.ops):
        one = known.get(op.outputs[0])
        if one is None or not one.has_function or one.steps < 2 or _goes_on(before.graph, op.outputs[0], known):
            continue
        attrs = FunctionAttrs(term=one.term)
        replaced[position] = Op(OpKind.FUNCTION, op.name, (one.root,), op.outputs, attrs)
    if not replaced:
        return before
    ops = tuple(replaced.get(position, op) for position, op in enumerate(before.graph.ops))
    return before.with_ops(needed(replace(before.graph, ops=ops)))


def _known(graph: Graph) -> dict[int, _Known]:
    found: dict[int, _Known] = {}
    for op in graph.ops:
        one = _of(graph, op, found)
        if one is not None:
            found[op.outputs[0]] = one
    return found


def _of(graph: Graph, op: Op, found: dict[int, _Known]) -> _Known | None:
    if op.kind is OpKind.FUNCTION:
        before = found.get(op.inputs[0], _Known(op.inputs[0], ARGUMENT))
        whole = with_argument(attrs_of(op, FunctionAttrs).term, before.term)
        assert isinstance(whole, Expression)
        return _Known(before.root, whole, before.steps + 1, True)
    if op.kind not in _UNARY | _BINARY:
        return None
    read = [index for index in op.inputs if not graph.tensors[index].is_constant]
    shape = graph.output_of(op).shape
    numbers = [graph.tensors[index].shape == () for index in op.inputs if graph.tensors[index].is_constant]
    if not read or not all(numbers) or any(graph.tensors[index].shape != shape for index in read):
        return None
    root = _common_root(read, found)
    if root is None:
        return None
    parts = {index: found[index] if root != index else _Known(root, ARGUMENT) for index in read}
    operands = tuple(parts[index].term if index in parts else _number(graph, index) for index in op.inputs)
    term: Expression = Term(op.kind, operands, op.attrs) if op.kind in _UNARY else Term(op.kind, operands)
    if op.activation is not Activation.NONE:
        term = Term(_CLAMPS[op.activation], (term,))
    steps = 1 + sum(part.steps for part in parts.values())
    return _Known(root, term, steps, op.kind in _ROOTS or any(part.has_function for part in parts.values()))


def _common_root(read: list[int], found: dict[int, _Known]) -> int | None:
    """The tensor that all of them are functions of, as far back as they have one."""
    ways = [_way_back(index, found) for index in read]
    common = [root for root in ways[0] if all(root in way for way in ways)]
    return common[-1] if common else None


def _way_back(index: int, found: dict[int, _Known]) -> list[int]:
    return [index, found[index].root] if index in found else [index]


def _number(graph: Graph, index: int) -> Operand:
    """nan where it is not known, which is the case where no data is."""
    data = graph.tensors[index].data
    return float("nan") if data is None else float(data.reshape(-1)[0])


def _goes_on(graph: Graph, tensor: int, known: dict[int, _Known]) -> bool:
    """Whether all who read it are part of a longer function of the same root."""
    readers = graph.consumers.get(tensor, ())
    return (
        tensor not in graph.outputs
        and bool(readers)
        and all(
            (one := known.get(graph.ops[reader].outputs[0])) is not None and one.root == known[tensor].root
            for reader in readers
        )
    )
