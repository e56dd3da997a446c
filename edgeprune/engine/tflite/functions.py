"""FUNCTION, TABLE and rows over their lengths in TFLite's operators.

A float FUNCTION is the elementwise operators of its term. A TABLE picks rows: its values become indices (int8 by way of
uint8, 0 for the least one; others as they are, held within the rows), and GATHER takes the rows of the table; any
function of one int8 value is such a table.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeprune.ir import (
    ARGUMENT,
    NO_ATTRS,
    TRAITS,
    Argument,
    ArithmeticAttrs,
    Attrs,
    DType,
    Expression,
    FunctionAttrs,
    GatherAttrs,
    L2NormalizationAttrs,
    Op,
    Operand,
    OpKind,
    QParams,
    ReduceAttrs,
    Tensor,
    Term,
    attrs_of,
)

_OFFSET = 128  # from the least int8 to the least uint8


def function_ops(op: Op, tensors: list[Tensor]) -> list[Op]:
    """The operators of a float FUNCTION; their tensors are added, the last one writes the FUNCTION's output."""
    expansion = _Expansion(op, tensors)
    last = expansion.real(attrs_of(op, FunctionAttrs).term)
    ops = expansion.ops
    if not ops:
        return [Op(OpKind.RESHAPE, op.name, (last,), op.outputs)]
    ops[-1] = replace(ops[-1], name=op.name, outputs=op.outputs)
    return ops


class _Expansion:
    """The operators of a term, each part of it computed once."""

    def __init__(self, op: Op, tensors: list[Tensor]):
        self.ops: list[Op] = []
        self._op, self._tensors = op, tensors
        self._known: dict[tuple[Operand, bool], int] = {}

    def real(self, operand: Operand) -> int:
        """The tensor that holds it, float32; conditions as zeros and ones."""
        if isinstance(operand, Argument):
            return self._op.inputs[0]
        key = operand, False
        if key not in self._known:
            if not isinstance(operand, Term):
                assert not isinstance(operand, Expression)
                self._known[key] = self._number(operand)
            elif operand.is_condition:
                self._known[key] = self._made(OpKind.CAST, (self._condition(operand),), NO_ATTRS)
            else:
                self._known[key] = self._term(operand)
        return self._known[key]

    def _condition(self, operand: Operand) -> int:
        """The tensor that holds whether it is true, or is not zero."""
        key = operand, True
        if key not in self._known:
            if isinstance(operand, Term) and operand.is_condition:
                self._known[key] = self._term(operand, DType.BOOL)
            else:
                away = Term(OpKind.GREATER, (Term(OpKind.ABS, (operand,)), 0.0))
                self._known[key] = self._term(away, DType.BOOL)
        return self._known[key]

    def _term(self, term: Term, dtype: DType = DType.FLOAT32) -> int:
        operands = list(term.operands)
        inputs = []
        if term.kind is OpKind.SELECT_V2:
            inputs.append(self._condition(operands.pop(0)))
        inputs += [self.real(each) for each in operands]
        return self._made(term.kind, tuple(inputs), term.attrs, dtype)

    def _made(self, kind: OpKind, inputs: tuple[int, ...], attrs: Attrs, dtype: DType = DType.FLOAT32) -> int:
        output = self._tensors[self._op.outputs[0]]
        result = _added(self._tensors, replace(output, name=f"{self._op.name}.step_{len(self._tensors)}", dtype=dtype))
        own = TRAITS[kind].attrs() if attrs is NO_ATTRS else attrs
        self.ops.append(Op(kind, self._tensors[result].name, inputs, (result,), own))
        return result

    def _number(self, value: float) -> int:
        name, data = f"{self._op.name}.number_{len(self._tensors)}", np.array(value, np.float32)
        return _added(self._tensors, Tensor(name, (), DType.FLOAT32, None, data, is_constant=True))


def length_ops(op: Op, tensors: list[Tensor]) -> list[Op]:
    """The operators of a float L2_NORMALIZATION with an epsilon; their tensors are added."""
    data, epsilon = op.inputs[0], attrs_of(op, L2NormalizationAttrs).epsilon
    whole = tensors[op.outputs[0]]
    row = replace(whole, shape=(*whole.shape[:-1], 1))
    squares = _added(tensors, replace(whole, name=f"{op.name}.squares"))
    total = _added(tensors, replace(row, name=f"{op.name}.total"))
    inverse = _added(tensors, replace(row, name=f"{op.name}.inverse"))
    term = Term(OpKind.RSQRT, (ARGUMENT + epsilon,))
    return [
        Op(OpKind.MUL, f"{op.name}.squares", (data, data), (squares,), ArithmeticAttrs()),
        Op(
            OpKind.SUM,
            f"{op.name}.total",
            (squares,),
            (total,),
            ReduceAttrs(axes=(len(whole.shape) - 1,), keep_dims=True),
        ),
        *function_ops(
            Op(OpKind.FUNCTION, f"{op.name}.inverse", (total,), (inverse,), FunctionAttrs(term=term)), tensors
        ),
        Op(OpKind.MUL, op.name, (data, inverse), op.outputs, ArithmeticAttrs()),
    ]


def table_ops(op: Op, tensors: list[Tensor], indices: dict[tuple[int, int | None], int]) -> list[Op]:
    """The operators of a TABLE; their tensors are added.

    Args:
        indices: (tensor, rows it is held within) -> the indices made of it before; added to.
    """
    ops, source = list[Op](), op.inputs[0]
    held_within = None if tensors[source].dtype is DType.INT8 else tensors[op.inputs[1]].shape[0]
    if (source, held_within) not in indices:
        value, name = source, tensors[source].name
        if tensors[source].dtype is DType.INT8:
            value = _added(tensors, _as_uint8(tensors[source], f"{name}.unsigned"))
            ops.append(Op(OpKind.QUANTIZE, tensors[value].name, (source,), (value,)))
        suffix = "" if held_within is None else f"_{held_within}"
        whole = replace(tensors[source], name=f"{name}.index{suffix}", dtype=DType.INT32, qparams=None)
        index = _added(tensors, whole)
        ops.append(Op(OpKind.CAST, whole.name, (value,), (index,)))
        if held_within is not None:
            index = _held(OpKind.MAXIMUM, 0, index, tensors, ops)
            index = _held(OpKind.MINIMUM, held_within - 1, index, tensors, ops)
        indices[source, held_within] = index
    picked = indices[source, held_within]
    ops.append(Op(OpKind.GATHER, op.name, (op.inputs[1], picked), op.outputs, GatherAttrs(axis=0)))
    return ops


def _held(kind: OpKind, limit: int, index: int, tensors: list[Tensor], ops: list[Op]) -> int:
    """Indices with a limit; LiteRT stops at one that is outside the table."""
    name = f"{tensors[index].name}.{kind.lower()}"
    data = np.array(limit, np.int32)
    constant = _added(tensors, Tensor(f"{name}_limit", (), DType.INT32, None, data, is_constant=True))
    made = _added(tensors, replace(tensors[index], name=name))
    ops.append(Op(kind, name, (index, constant), (made,)))
    return made


def _as_uint8(tensor: Tensor, name: str) -> Tensor:
    assert tensor.qparams is not None
    qparams = QParams(tensor.qparams.scale, (tensor.qparams.zero_point[0] + _OFFSET,))
    return replace(tensor, name=name, dtype=DType.UINT8, qparams=qparams)


def _added(tensors: list[Tensor], tensor: Tensor) -> int:
    tensors.append(tensor)
    return len(tensors) - 1
