"""Vectors divided by their own lengths become L2_NORMALIZATION, which keeps their sums of squares in 32 bits.

As a product with the inverse of a length they lose what is small beside the longest vector of all: one int8 scale holds
lengths from 1 to 16, and one vector of zeros among them asks for the inverse of nothing. Where a sample has one vector
alone the product stays: LiteRT's operator has steps of 1/128 whatever it holds.
"""

from __future__ import annotations

from math import isnan, prod

from edgeprune.ir import (
    Activation,
    Argument,
    FunctionAttrs,
    Graph,
    Op,
    Operand,
    OpKind,
    ReduceAttrs,
    Term,
    attrs_of,
)
from edgeprune.model.passes.needed import needed
from edgeprune.model.passes.rewritten import Rewritten

_SHORT = 1e-6  # a length: numbers up to it only keep from dividing by zero; one given as a tensor is taken for such


def run(before: Rewritten) -> Rewritten:
    graph = before.graph
    vectors = {position: _vector(graph, op) for position, op in enumerate(graph.ops)}
    if not any(data is not None for data in vectors.values()):
        return before
    ops = tuple(
        op if (data := vectors[position]) is None else Op(OpKind.L2_NORMALIZATION, op.name, (data,), op.outputs)
        for position, op in enumerate(graph.ops)
    )
    return before.with_ops(needed(graph.with_ops(ops)))


def _vector(graph: Graph, op: Op) -> int | None:
    """What a MUL divides by its length over the last axis, several vectors at once; None for any other operator."""
    if op.kind is not OpKind.MUL or op.activation is not Activation.NONE:
        return None
    for data, inverse in (op.inputs[:2], op.inputs[1::-1]):
        squares = _squares_of_inverse_length(graph, inverse)
        if squares is not None and _is_square(graph, squares, data) and prod(graph.tensors[data].shape[1:-1]) > 1:
            return data
    return None


def _squares_of_inverse_length(graph: Graph, tensor: int) -> int | None:
    """The tensor over the sum of whose last axis this is the inverse of a root."""
    function = _maker(graph, tensor)
    if function is None or function.kind is not OpKind.FUNCTION:
        return None
    total = _maker(graph, function.inputs[0])
    if total is None or total.kind not in (OpKind.MEAN, OpKind.SUM):
        return None
    shape, attrs = graph.tensors[total.inputs[0]].shape, attrs_of(total, ReduceAttrs)
    count = shape[-1] if total.kind is OpKind.MEAN else 1
    one_axis = attrs.axes == (len(shape) - 1,) and attrs.keep_dims
    return total.inputs[0] if one_axis and _is_inverse_root(attrs_of(function, FunctionAttrs).term, count) else None


def _is_square(graph: Graph, tensor: int, data: int) -> bool:
    op = _maker(graph, tensor)
    if op is None or op.inputs[0] != data or op.activation is not Activation.NONE:
        return False
    if op.kind is OpKind.FUNCTION:
        term = attrs_of(op, FunctionAttrs).term
        return (
            isinstance(term, Term) and term.kind is OpKind.MUL and all(isinstance(x, Argument) for x in term.operands)
        )
    return op.kind is OpKind.MUL and op.inputs[1] == data


def _is_inverse_root(term: Operand, count: int) -> bool:
    """Whether it is 1 / sqrt(count * argument), but for what keeps it from infinity."""
    if not isinstance(term, Term):
        return False
    if term.kind is OpKind.RSQRT:
        return _is_total(_without(term.operands[0], _SHORT**2), count)
    if term.kind is not OpKind.DIV or term.operands[0] != 1.0:
        return False
    root = _without(term.operands[1], _SHORT)
    return (
        isinstance(root, Term) and root.kind is OpKind.SQRT and _is_total(_without(root.operands[0], _SHORT**2), count)
    )


def _is_total(term: Operand, count: int) -> bool:
    if count == 1:
        return isinstance(term, Argument)
    return (
        isinstance(term, Term)
        and term.kind is OpKind.MUL
        and isinstance(term.operands[0], Argument)
        and term.operands[1] == count
    )


def _without(term: Operand, most: float) -> Operand:
    """Without a number, `most` at most, that is added or that it is no less than."""
    if isinstance(term, Term) and term.kind in (OpKind.ADD, OpKind.MAXIMUM):
        rest, number = term.operands
        if isinstance(number, float) and (isnan(number) or 0.0 <= number <= most):
            return rest
    return term


def _maker(graph: Graph, tensor: int) -> Op | None:
    position = graph.producer.get(tensor)
    return None if position is None else graph.ops[position]
