"""Vectors divided by their own lengths become L2_NORMALIZATION, which keeps their sums of squares in 32 bits.

That is what F.normalize does, and RMS norm, and layer norm with what is left when the mean is gone. As a product with
the inverse of a length they lose what is small beside the longest vector of all: one int8 scale holds lengths from 1 to
16, and one vector of zeros among them asks for the inverse of nothing. Where a sample has one vector alone the product
stays: LiteRT's operator has steps of 1/128 whatever it holds. So it does in norms of many channels, whose values are
small beside their vector's length.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan, prod

import numpy as np

from edgeprune.ir import (
    Activation,
    Argument,
    ArithmeticAttrs,
    BatchMatmulAttrs,
    DType,
    FunctionAttrs,
    Graph,
    L2NormalizationAttrs,
    Op,
    Operand,
    OpKind,
    ReduceAttrs,
    Tensor,
    Term,
    attrs_of,
)
from edgeprune.model.passes.needed import needed
from edgeprune.model.passes.rewritten import Repeats, Rewritten

_SHORT = 1e-6  # a length: numbers up to it only keep from dividing by zero; one given as a tensor is taken for such
_LONGEST = 64  # values of a vector that is multiplied on: beyond them steps of 1/128 are coarser than a product's
_SMALL = 1e-4  # a mean of squares: numbers up to it are kept in float and left out in int8


@dataclass(frozen=True)
class _Direction:
    """data / sqrt(sum of its squares over the last axis + epsilon), times a factor where there is one."""

    data: int
    factor: float | None
    epsilon: float


@dataclass(frozen=True)
class _Root:
    """sqrt(share * argument + rest); nan where a number is not known."""

    share: float
    rest: float


def run(before: Rewritten) -> Rewritten:
    result, ops = before, list[Op]()
    for op in before.graph.ops:
        found = _direction(before.graph, op)
        if found is None:
            ops.append(op)
        else:
            result, made = _normalized(result, op, found)
            ops += made
    return result.with_ops(needed(result.graph.with_ops(tuple(ops))))


def _normalized(before: Rewritten, op: Op, found: _Direction) -> tuple[Rewritten, list[Op]]:
    attrs = L2NormalizationAttrs(epsilon=found.epsilon)
    if found.factor is None:
        return before, [Op(OpKind.L2_NORMALIZATION, op.name, (found.data,), op.outputs, attrs)]
    whole = before.graph.output_of(op)
    axes = tuple(range(len(whole.shape)))
    result, unit = before.adding(replace(whole, name=f"{op.name}.direction"), Repeats(op.outputs[0], axes))
    number = np.array(found.factor, np.float32)
    factor = Tensor(f"{op.name}.length", (), DType.FLOAT32, data=number, is_constant=True)
    result, length = result.adding(factor, Repeats(unit, ()))
    return result, [
        Op(OpKind.L2_NORMALIZATION, f"{op.name}.direction", (found.data,), (unit,), attrs),
        Op(OpKind.MUL, op.name, (unit, length), op.outputs, ArithmeticAttrs()),
    ]


def _direction(graph: Graph, op: Op) -> _Direction | None:
    """What a MUL does that divides several vectors by their lengths; None for any other operator."""
    if op.kind is not OpKind.MUL or op.activation is not Activation.NONE:
        return None
    for data, inverse in (op.inputs[:2], op.inputs[1::-1]):
        shape, function = graph.tensors[data].shape, _maker(graph, _unviewed(graph, inverse))
        if function is None or function.kind is not OpKind.FUNCTION or prod(shape[:-1]) <= 1:
            continue
        if graph.tensors[inverse].shape != (*shape[:-1], 1):
            continue
        total = _maker(graph, _unviewed(graph, function.inputs[0]))
        root = _inverse_root(attrs_of(function, FunctionAttrs).term)
        if total is None or root is None or root.rest > _SMALL or not _sums_squares(graph, total, data):
            continue
        share = root.share / shape[-1] if total.kind is OpKind.MEAN else root.share
        factor = None if share == 1.0 else share**-0.5
        if factor is None or shape[-1] <= _LONGEST:
            return _Direction(data, factor, root.rest / share)
    return None


def _sums_squares(graph: Graph, total: Op, data: int) -> bool:
    """Whether it is the sum, or mean, of the squares of `data` over the last axis."""
    shape = graph.tensors[data].shape
    if total.kind is OpKind.BATCH_MATMUL:
        rows, columns = (graph.tensors[index].shape for index in total.inputs)
        vectors, plain = prod(shape[:-1]), BatchMatmulAttrs(adj_x=False, adj_y=False)
        products = attrs_of(total, BatchMatmulAttrs) == plain and rows == (vectors, 1, shape[-1])
        sources = {_unviewed(graph, index) for index in total.inputs}
        return products and columns == (vectors, shape[-1], 1) and sources == {_unviewed(graph, data)}
    if total.kind not in (OpKind.MEAN, OpKind.SUM) or not _is_square(graph, total.inputs[0], data):
        return False
    return attrs_of(total, ReduceAttrs) == ReduceAttrs(axes=(len(shape) - 1,), keep_dims=True)


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


def _inverse_root(term: Operand) -> _Root | None:
    """The root that the term is the inverse of, but for what keeps it from infinity."""
    if not isinstance(term, Term):
        return None
    if term.kind is OpKind.RSQRT:
        return _linear(term.operands[0])
    if term.kind is not OpKind.DIV or term.operands[0] != 1.0:
        return None
    root = term.operands[1]
    if isinstance(root, Term) and root.kind in (OpKind.ADD, OpKind.MAXIMUM) and _at_most(root.operands[1], _SHORT):
        root = root.operands[0]
    return _linear(root.operands[0]) if isinstance(root, Term) and root.kind is OpKind.SQRT else None


def _linear(term: Operand) -> _Root | None:
    if isinstance(term, Argument):
        return _Root(1.0, 0.0)
    if not isinstance(term, Term) or len(term.operands) != 2:
        return None
    inner, number = _linear(term.operands[0]), term.operands[1]
    if inner is None or not isinstance(number, float):
        return None
    if term.kind is OpKind.MAXIMUM and _at_most(number, _SHORT**2):
        return inner
    if term.kind is OpKind.ADD and not number < 0:
        return _Root(inner.share, inner.rest + (0.0 if isnan(number) else number))
    if term.kind is OpKind.MUL and not number <= 0:
        return _Root(inner.share * number, inner.rest * number)
    return None


def _at_most(number: Operand, most: float) -> bool:
    return isinstance(number, float) and (isnan(number) or 0.0 <= number <= most)


def _unviewed(graph: Graph, tensor: int) -> int:
    """Whose elements it holds in another shape."""
    while (maker := _maker(graph, tensor)) is not None and maker.kind is OpKind.RESHAPE:
        tensor = maker.inputs[0]
    return tensor


def _maker(graph: Graph, tensor: int) -> Op | None:
    position = graph.producer.get(tensor)
    return None if position is None else graph.ops[position]
