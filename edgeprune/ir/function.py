"""A function of one value, written as a term over elementwise operators: what a FUNCTION computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import erf

import numpy as np
from numpy.typing import NDArray

from edgeprune.ir.attrs import NO_ATTRS, Attrs, GeluAttrs, LeakyReluAttrs
from edgeprune.ir.kinds import OpKind

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Expression:
    """Something to compute with; numbers stand for themselves."""

    def __add__(self, other: Operand) -> Term:
        return Term(OpKind.ADD, (self, other))

    def __sub__(self, other: Operand) -> Term:
        return Term(OpKind.SUB, (self, other))

    def __rsub__(self, other: float) -> Term:
        return Term(OpKind.SUB, (other, self))

    def __mul__(self, other: Operand) -> Term:
        return Term(OpKind.MUL, (self, other))

    def __truediv__(self, other: Operand) -> Term:
        return Term(OpKind.DIV, (self, other))

    def __rtruediv__(self, other: float) -> Term:
        return Term(OpKind.DIV, (other, self))


@dataclass(frozen=True)
class Argument(Expression):
    """The value the function is of."""


@dataclass(frozen=True)
class Term(Expression):
    """One elementwise operator.

    Attributes:
        kind: an operator of `KINDS`.
        operands: as many as it reads.
        attrs: of the kind.
    """

    kind: OpKind
    operands: tuple[Operand, ...]
    attrs: Attrs = NO_ATTRS

    @property
    def is_condition(self) -> bool:
        """Whether it is true or false, for SELECT_V2 to choose by."""
        return self.kind in _CONDITIONS


Operand = Expression | float
ARGUMENT = Argument()
_CONDITIONS = frozenset({OpKind.GREATER, OpKind.GREATER_EQUAL, OpKind.EQUAL})


@dataclass(frozen=True, kw_only=True)
class FunctionAttrs(Attrs):
    """FUNCTION. term: over `ARGUMENT`."""

    term: Expression


def value_of(operand: Operand, argument: Floats) -> Floats:
    """What an operand is for each value of the argument, in float64; infinite or nan where it is not defined."""
    if isinstance(operand, Argument):
        return argument
    if not isinstance(operand, Term):
        return np.asarray(operand, np.float64)
    with np.errstate(all="ignore"):
        given = [value_of(each, argument) for each in operand.operands]
        if isinstance(operand.attrs, LeakyReluAttrs):
            return np.where(given[0] > 0, given[0], operand.attrs.alpha * given[0])
        if isinstance(operand.attrs, GeluAttrs) and operand.attrs.approximate:
            x = given[0]
            return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))
        return np.asarray(KINDS[operand.kind](*given), np.float64)


def with_argument(operand: Operand, argument: Operand) -> Operand:
    """The operand with something else in the argument's place."""
    if isinstance(operand, Argument):
        return argument
    if not isinstance(operand, Term):
        return operand
    return Term(operand.kind, tuple(with_argument(each, argument) for each in operand.operands), operand.attrs)


def _logistic(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))


KINDS: Mapping[OpKind, Callable[..., Floats]] = {
    OpKind.ADD: np.add,
    OpKind.SUB: np.subtract,
    OpKind.MUL: np.multiply,
    OpKind.DIV: np.divide,
    OpKind.MAXIMUM: np.maximum,
    OpKind.MINIMUM: np.minimum,
    OpKind.POW: np.power,
    OpKind.RELU: lambda x: np.maximum(x, 0.0),
    OpKind.RELU6: lambda x: np.clip(x, 0.0, 6.0),
    OpKind.RELU_N1_TO_1: lambda x: np.clip(x, -1.0, 1.0),
    OpKind.LEAKY_RELU: lambda x: x,  # with a slope among its attributes
    OpKind.HARD_SWISH: lambda x: x * np.clip(x + 3.0, 0.0, 6.0) / 6.0,
    OpKind.GELU: lambda x: 0.5 * x * (1.0 + np.vectorize(erf, otypes=[np.float64])(x / np.sqrt(2.0))),
    OpKind.ELU: lambda x: np.asarray(np.where(x > 0, x, np.expm1(np.minimum(x, 0.0)))),
    OpKind.LOGISTIC: _logistic,
    OpKind.TANH: np.tanh,
    OpKind.EXP: np.exp,
    OpKind.LOG: np.log,
    OpKind.SQRT: np.sqrt,
    OpKind.RSQRT: lambda x: 1 / np.sqrt(x),
    OpKind.ABS: np.abs,
    OpKind.SIN: np.sin,
    OpKind.COS: np.cos,
    OpKind.FLOOR: np.floor,
    OpKind.ROUND: np.round,
    OpKind.SIGN: np.sign,
    OpKind.GREATER: np.greater,
    OpKind.GREATER_EQUAL: np.greater_equal,
    OpKind.EQUAL: np.equal,
    OpKind.SELECT_V2: lambda condition, one, other: np.asarray(np.where(condition != 0, one, other)),
}
"""Elementwise operator -> what it computes, in float64."""
