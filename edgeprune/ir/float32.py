"""float32 functions to the bit as LiteRT's float kernels compute them, on arrays; what a table of them is made by.

Sums, products, quotients and roots are IEEE's. `exp` is the C library's expf: a table of 2^(i/32) and a cubic in double
(https://github.com/ARM-software/optimized-routines, as glibc and newlib have it). What the C library computes otherwise
(sin, cos, tanh, log, pow ...) is rounded from double here, and may be off by one in the last place in a case of a
thousand: `EXACT` are the kinds that are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import erf

import numpy as np
from numpy.typing import NDArray

from edgeprune.ir.attrs import Activation, FusedAttrs, GeluAttrs, LeakyReluAttrs
from edgeprune.ir.graph import Op
from edgeprune.ir.kinds import OpKind

Floats = NDArray[np.float32]

_F = np.float32
_MOST = float(np.finfo(np.float32).max)  # what LiteRT clamps to without an activation, too
_CLAMPS = {
    Activation.RELU: (0.0, _MOST), Activation.RELU6: (0.0, 6.0), Activation.RELU_N1_TO_1: (-1.0, 1.0),
}  # fmt: skip
_LOGISTIC_ONE, _LOGISTIC_EXP = _F(16.619047164916992188), _F(-9.0)  # above the first 1, below the second exp(x)


def exp(x: Floats) -> Floats:
    """The C library's expf."""
    with np.errstate(all="ignore"):
        scaled = np.clip(x.astype(np.float64), -110.0, 100.0) * (32 * float.fromhex("0x1.71547652b82fep+0"))
        whole = np.rint(scaled)
        rest, steps = scaled - whole, whole.astype(np.int64)
        cubic, square = float.fromhex("0x1.c6af84b912394p-5") / 32**3, float.fromhex("0x1.ebfce50fac4f3p-3") / 32**2
        series = (cubic * rest + square) * (rest * rest) + (float.fromhex("0x1.62e42ff0c52d6p-1") / 32 * rest + 1.0)
        power = np.ldexp(2.0 ** (steps % 32 / 32), (steps // 32).astype(np.int32))
        return np.where(np.isnan(x), x, (series * power).astype(np.float32))


def _logistic(x: Floats) -> Floats:
    with np.errstate(all="ignore"):
        inside = _F(1) / (_F(1) + exp(-x))
    return np.asarray(np.where(x > _LOGISTIC_ONE, _F(1), np.where(x < _LOGISTIC_EXP, exp(x), inside)))


def _by_double(function: Callable[..., NDArray[np.float64]]) -> Callable[..., Floats]:
    return lambda *given: np.asarray(function(*(each.astype(np.float64) for each in given))).astype(np.float32)


def _round(x: Floats) -> Floats:
    """Halves to even; from below to +0."""
    floor = np.floor(x)
    up = (x - floor > _F(0.5)) | ((x - floor == _F(0.5)) & (floor % 2 != 0))
    return np.asarray(np.where(up, floor + _F(1), floor))


def _gelu(x: Floats) -> Floats:
    return np.asarray(_F(0.5) * x * (_F(1) + _by_double(np.vectorize(erf, otypes=[np.float64]))(x * _F(np.sqrt(0.5)))))


def _gelu_by_tanh(x: Floats) -> Floats:
    inner = _F(np.sqrt(2 / np.pi)) * (x + _F(0.044715) * x * x * x)
    return np.asarray(_F(0.5) * x * (_F(1) + _by_double(np.tanh)(inner)))


def _select(condition: Floats, one: Floats, other: Floats) -> Floats:
    return np.where(condition != 0, one, other)


_KINDS: Mapping[OpKind, Callable[..., Floats]] = {
    OpKind.ADD: np.add,
    OpKind.SUB: np.subtract,
    OpKind.MUL: np.multiply,
    OpKind.DIV: np.divide,
    OpKind.MAXIMUM: np.maximum,
    OpKind.MINIMUM: np.minimum,
    OpKind.SQUARED_DIFFERENCE: lambda one, other: (one - other) * (one - other),
    OpKind.POW: _by_double(np.power),
    OpKind.ABS: np.abs,
    OpKind.SQUARE: np.square,
    OpKind.NEG: np.negative,
    OpKind.SQRT: np.sqrt,
    OpKind.RSQRT: lambda x: _F(1) / np.sqrt(x),
    OpKind.FLOOR: np.floor,
    OpKind.CEIL: np.ceil,
    OpKind.ROUND: _round,
    OpKind.SIGN: np.sign,
    OpKind.EXP: exp,
    OpKind.LOG: _by_double(np.log),
    OpKind.SIN: _by_double(np.sin),
    OpKind.COS: _by_double(np.cos),
    OpKind.LOGISTIC: _logistic,
    OpKind.TANH: _by_double(np.tanh),
    OpKind.ELU: lambda x: np.where(x < 0, _by_double(np.expm1)(x), x),
    OpKind.GELU: _gelu,
    OpKind.HARD_SWISH: lambda x: x * np.minimum(_F(6), np.maximum(_F(0), x + _F(3))) / _F(6),
    OpKind.RELU: lambda x: np.maximum(x, _F(0)),
    OpKind.RELU6: lambda x: np.clip(x, _F(0), _F(6)),
    OpKind.RELU_N1_TO_1: lambda x: np.clip(x, _F(-1), _F(1)),
    OpKind.RELU_0_TO_1: lambda x: np.clip(x, _F(0), _F(1)),
    OpKind.PRELU: lambda x, slope: np.where(x >= 0, x, x * slope),
    OpKind.LEAKY_RELU: lambda x: x,  # with a slope among its attributes
    OpKind.GREATER: np.greater,
    OpKind.GREATER_EQUAL: np.greater_equal,
    OpKind.EQUAL: np.equal,
    OpKind.NOT_EQUAL: np.not_equal,
    OpKind.LOGICAL_AND: np.logical_and,
    OpKind.LOGICAL_OR: np.logical_or,
    OpKind.LOGICAL_NOT: np.logical_not,
    OpKind.SELECT_V2: _select,
    OpKind.CAST: lambda x: x,  # from conditions: ones and zeros
}
ELEMENTWISE = frozenset(_KINDS)
"""Kinds whose output at a place depends on their inputs at that place alone."""

EXACT = ELEMENTWISE - {
    OpKind.POW, OpKind.LOG, OpKind.SIN, OpKind.COS, OpKind.TANH, OpKind.ELU, OpKind.GELU,
}  # fmt: skip
"""Those of them that are LiteRT's to the bit whatever the input."""


def value_of(op: Op, given: list[Floats]) -> Floats:
    """What an op of `ELEMENTWISE` writes; conditions as ones and zeros."""
    with np.errstate(all="ignore"):
        if isinstance(op.attrs, LeakyReluAttrs):
            (x,) = given
            result = np.where(x > 0, x, x * _F(op.attrs.alpha))
        elif isinstance(op.attrs, GeluAttrs) and op.attrs.approximate:
            result = _gelu_by_tanh(*given)
        else:
            result = np.asarray(_KINDS[op.kind](*given)).astype(np.float32)
        if not isinstance(op.attrs, FusedAttrs):
            return result
        low, high = _CLAMPS.get(op.attrs.activation, (-_MOST, _MOST))
        return np.asarray(np.minimum(np.maximum(result, _F(low)), _F(high)))
