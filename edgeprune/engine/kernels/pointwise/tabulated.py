"""LOGISTIC, TANH, ELU, GELU, EXP, LOG: functions LiteRT tabulates for the 256 inputs in float32.

int16's are in `tabulated16.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, erfc, exp, expm1, floor, log, sqrt, tanh

import numpy as np

from edgeprune.budget import Optimize
from edgeprune.engine.kernels.base import KernelCall
from edgeprune.engine.kernels.operands import activation_type
from edgeprune.engine.kernels.pointwise.lookup import VALUES, lookup
from edgeprune.engine.kernels.pointwise.tabulated16 import interpolated
from edgeprune.engine.kernels.requant import CALIBRATE, scale_zero
from edgeprune.errors import ModelError
from edgeprune.hardware.profile import Isa
from edgeprune.ir import DType, GeluAttrs, Graph, Op, OpKind, Tensor

_F = np.float32


def _logistic(x: np.float32) -> np.float32:
    return _F(1) / (_F(1) + _exp(-x))


def _tanh(x: np.float32) -> np.float32:
    return _F(tanh(x))


def _elu(x: np.float32) -> np.float32:
    return x if x >= 0 else _F(expm1(x))


def _gelu(x: np.float32) -> np.float32:
    return _F(0.5) * x * _F(erfc(x * _F(-sqrt(0.5))))


def _gelu_by_tanh(x: np.float32) -> np.float32:
    return _F(0.5) * x * (_F(1) + _F(tanh(_F(sqrt(2 / np.pi)) * (x + _F(0.044715) * x * x * x))))


def _exp(x: np.float32) -> np.float32:
    return _F(exp(x)) if x < 89 else _F(np.inf)


def _log(x: np.float32) -> np.float32:
    """Of 0 and below the least result: so a cast of -inf and nan to integer comes out."""
    return _F(log(x)) if x > 0 else _F(-np.inf)


_FUNCTIONS: dict[OpKind, Callable[[np.float32], np.float32]] = {
    OpKind.LOGISTIC: _logistic, OpKind.TANH: _tanh, OpKind.ELU: _elu, OpKind.GELU: _gelu, OpKind.EXP: _exp,
    OpKind.LOG: _log,
}  # fmt: skip


def _function(op: Op) -> Callable[[np.float32], np.float32]:
    by_tanh = isinstance(op.attrs, GeluAttrs) and op.attrs.approximate
    function = _gelu_by_tanh if by_tanh else _FUNCTIONS[op.kind]
    return np.errstate(over="ignore")(function)  # beyond float32's largest it is infinite, as C's, and no news


def _table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    function = _function(op)
    inverse = _F(1) / _F(out_scale)
    reals = [float(function(_F(in_scale) * _F(value - in_zero)) * inverse) for value in VALUES.tolist()]
    if max(reals) >= 1 << 31 or (op.kind is not OpKind.LOG and min(reals) < -(1 << 31)):
        raise ModelError(
            f"{op.kind} {op.name!r}: its results reach {max(reals):.1e} steps of its output's scale {out_scale:g}, "
            "beyond int32, where LiteRT's are undefined",
            CALIBRATE,
        )
    return np.array([copysign(floor(abs(real) + 0.5), real) for real in map(_finite, reals)]) + out_zero


def _finite(real: float) -> float:
    return max(real, -float(1 << 31))


def _ref(graph: Graph, op: Op, isa: Isa, optimize: Optimize) -> KernelCall:
    if activation_type(graph, op) is DType.INT16 and DType.INT16 in TYPES[op.kind]:
        return interpolated(graph, op, _function(op))
    return _TABLE(graph, op, isa, optimize)


_TABLE = lookup(_table)
_BOTH = (DType.INT8, DType.INT16)
TYPES = {
    OpKind.LOGISTIC: _BOTH, OpKind.TANH: _BOTH, OpKind.GELU: _BOTH,
    OpKind.EXP: _BOTH, OpKind.LOG: _BOTH, OpKind.ELU: (DType.INT8,),
}  # fmt: skip
KERNELS = dict.fromkeys(TYPES, _ref)
