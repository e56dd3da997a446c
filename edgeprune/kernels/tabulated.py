"""LOGISTIC, TANH, ELU, GELU: functions LiteRT tabulates for the 256 inputs in float32."""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, erfc, exp, floor, sqrt, tanh

import numpy as np

from edgeprune.ir import Op, OpKind, Tensor
from edgeprune.kernels.lookup import VALUES, lookup
from edgeprune.kernels.requant import scale_zero

_F = np.float32


def _logistic(x: np.float32) -> np.float32:
    return _F(1) / (_F(1) + _exp(-x))


def _tanh(x: np.float32) -> np.float32:
    return _F(tanh(x))


def _elu(x: np.float32) -> np.float32:
    return x if x >= 0 else _exp(x) - _F(1)


def _gelu(x: np.float32) -> np.float32:
    return _F(0.5) * x * _F(erfc(x * _F(-sqrt(0.5))))


def _gelu_by_tanh(x: np.float32) -> np.float32:
    return _F(0.5) * x * (_F(1) + _F(tanh(_F(sqrt(2 / np.pi)) * (x + _F(0.044715) * x * x * x))))


def _exp(x: np.float32) -> np.float32:
    return _F(exp(x)) if x < 89 else _F(np.inf)


_FUNCTIONS: dict[OpKind, Callable[[np.float32], np.float32]] = {
    OpKind.LOGISTIC: _logistic, OpKind.TANH: _tanh, OpKind.ELU: _elu, OpKind.GELU: _gelu,
}  # fmt: skip


def _table(op: Op, data: Tensor, output: Tensor) -> np.ndarray:
    (in_scale, in_zero), (out_scale, out_zero) = scale_zero(data), scale_zero(output)
    function = _gelu_by_tanh if op.attrs.get("approximate", False) else _FUNCTIONS[op.kind]
    inverse = _F(1) / _F(out_scale)
    reals = [float(function(_F(in_scale) * _F(value - in_zero)) * inverse) for value in VALUES.tolist()]
    return np.array([copysign(floor(abs(real) + 0.5), real) for real in reals]) + out_zero


CANDIDATES = (lookup(_table),)
