"""Functions of one value that TFLite has no operator for: each a FUNCTION, which int8 looks up in a table.

The terms are written so that float32 neither overflows nor cancels where the function itself does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log, sqrt
from typing import Any

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import ARGUMENT, Expression, FunctionAttrs, GeluAttrs, Operand, OpKind, Term
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call, Ref
from edgeprune.model.values import Activation

_X = ARGUMENT


def _term(kind: OpKind, *operands: Operand) -> Term:
    return Term(kind, operands)


def _exp(x: Operand) -> Term:
    return _term(OpKind.EXP, x)


def _log(x: Operand) -> Term:
    return _term(OpKind.LOG, x)


def _abs(x: Operand) -> Term:
    return _term(OpKind.ABS, x)


def _negative(x: Expression) -> Term:
    return x * -1.0


def _greater(one: Operand, other: Operand) -> Term:
    return _term(OpKind.GREATER, one, other)


def _where(condition: Term, one: Operand, other: Operand) -> Term:
    return _term(OpKind.SELECT_V2, condition, one, other)


def softplus_of(x: Expression) -> Term:
    """log(1 + exp(x)) = relu(x) + log(1 + exp(-|x|))."""
    return _term(OpKind.RELU, x) + _log(_exp(_negative(_abs(x))) + 1.0)


def expm1_of(x: Expression) -> Term:
    """exp(x) - 1, whose digits are kept where x is near zero: tanh(x / 2) * (exp(x) + 1)."""
    near = _term(OpKind.TANH, x * 0.5) * (_exp(_term(OpKind.MINIMUM, x, 1.0)) + 1.0)
    return _where(_greater(_abs(x), 0.5), _exp(x) - 1.0, near)


def elu_of(args: Mapping[str, Any]) -> Expression:
    """ELU, SELU and CELU: x * scale above zero, alpha * scale * (exp(x * input_scale) - 1) below."""
    alpha, scale = float(args["alpha"]), float(args.get("scale", 1))
    input_scale = float(args.get("input_scale", 1 if "scale" in args else 1 / alpha))
    below = expm1_of(_term(OpKind.MINIMUM, _X, 0.0) * input_scale) * (alpha * scale)
    return _where(_greater(_X, 0.0), _X * scale, below)


def _softplus(args: Mapping[str, Any]) -> Expression:
    beta, threshold = float(args["beta"]), float(args["threshold"])
    return _where(_greater(_X * beta, threshold), _X, softplus_of(_X * beta) * (1 / beta))


def _threshold(args: Mapping[str, Any]) -> Expression:
    return _where(_greater(_X, float(args["threshold"])), _X, float(args["value"]))


def _hardshrink(args: Mapping[str, Any]) -> Expression:
    return _where(_greater(_abs(_X), float(args["lambd"])), _X, 0.0)


def _softshrink(args: Mapping[str, Any]) -> Expression:
    limit = float(args["lambd"])
    return _X - _term(OpKind.MINIMUM, _term(OpKind.MAXIMUM, _X, -limit), limit)


def _erf(args: Mapping[str, Any]) -> Expression:
    """erf(x) = 2 Phi(x sqrt(2)) - 1, and GELU(x) = x Phi(x)."""
    wide = _where(_greater(_abs(_X), 1e-3), _X, 1e-3) * sqrt(2)
    far = Term(OpKind.GELU, (wide,), GeluAttrs(approximate=False)) / wide * 2.0 - 1.0
    return _where(_greater(_abs(_X), 1e-3), far, _X * 1.1283791670955126)


def power_of(x: Expression, exponent: float) -> Expression:
    """x to the power of a number: by products where it is a small whole one, so that negative x stay defined."""
    if exponent == 0.5:
        return _term(OpKind.SQRT, x)
    if exponent < 0:
        return 1.0 / power_of(x, -exponent)
    if exponent == int(exponent) and 1 <= exponent <= 8:
        result = x
        for _ in range(int(exponent) - 1):
            result = result * x
        return result
    if exponent == 0:
        return x * 0.0 + 1.0
    return _term(OpKind.POW, x, exponent)


def _power(args: Mapping[str, Any]) -> Expression:
    return power_of(_X, float(args["exponent"]))


def _power_of_number(args: Mapping[str, Any]) -> Expression:
    base = float(args["self"])
    if base <= 0:
        raise UnsupportedOp(f"powers of {base:g}", hint="powers of a number above zero are supported")
    return _exp(_X * log(base))


def _remainder(args: Mapping[str, Any]) -> Expression:
    divisor = float(args["other"])
    return _X - _term(OpKind.FLOOR, _X * (1 / divisor)) * divisor


_OF_ARGUMENTS: Mapping[str, Callable[[Mapping[str, Any]], Expression]] = {
    "softplus": _softplus,
    "threshold": _threshold,
    "hardshrink": _hardshrink,
    "softshrink": _softshrink,
    "erf": _erf,
    "pow": _power,
    "remainder": _remainder,
}
_OF_VALUE: Mapping[str, Expression] = {
    "mish": _X * _term(OpKind.TANH, softplus_of(_X)),
    "log_sigmoid_forward": _negative(softplus_of(_negative(_X))),
    "exp": _exp(_X),
    "exp2": _exp(_X * log(2)),
    "expm1": expm1_of(_X),
    "log": _log(_X),
    "log2": _log(_X) * (1 / log(2)),
    "log10": _log(_X) * (1 / log(10)),
    "log1p": _log(_X + 1.0),
    "reciprocal": 1.0 / _X,
    "sin": _term(OpKind.SIN, _X),
    "cos": _term(OpKind.COS, _X),
    "tan": _term(OpKind.SIN, _X) / _term(OpKind.COS, _X),
    "sinh": (_exp(_X) - _exp(_negative(_X))) * 0.5,
    "cosh": (_exp(_X) + _exp(_negative(_X))) * 0.5,
    "sign": _term(OpKind.SIGN, _X),
    "sgn": _term(OpKind.SIGN, _X),
    "floor": _term(OpKind.FLOOR, _X),
    "ceil": _negative(_term(OpKind.FLOOR, _negative(_X))),
    "round": _term(OpKind.ROUND, _X),
    "trunc": _term(OpKind.SIGN, _X) * _term(OpKind.FLOOR, _abs(_X)),
    "logical_not": _term(OpKind.EQUAL, _X, 0.0),
}


@lowers(*_OF_VALUE)
def of_value(draft: Draft, call: Call) -> None:
    function(draft, call, call.args["self"], _OF_VALUE[_name(call)])


@lowers(*_OF_ARGUMENTS)
def of_arguments(draft: Draft, call: Call) -> None:
    tensors = [name for name, given in call.args.items() if isinstance(given, Ref)]
    if len(tensors) > 1:
        raise UnsupportedOp(
            f"{_name(call)} at {call.where} of two tensors",
            hint="torch.exp(exponent * torch.log(base)) where the base is above zero",
        )
    base = isinstance(call.args["self"], Ref)
    term = _OF_ARGUMENTS[_name(call)](call.args) if base else _power_of_number(call.args)
    function(draft, call, call.args[tensors[0]], term)


def function(draft: Draft, call: Call, argument: Ref, term: Expression) -> None:
    """One FUNCTION of an activation as the call's first output."""
    held = draft.activation(argument.value)
    tensor = apply(draft, call, held.tensor, term)
    draft.values[call.outputs[0]] = Activation(tensor, held.axes)


def apply(draft: Draft, call: Call, tensor: int, term: Expression) -> int:
    """The tensor that holds a function of another's values."""
    return draft.emit(OpKind.FUNCTION, call, [tensor], draft.tensors[tensor].shape, FunctionAttrs(term=term))


def _name(call: Call) -> str:
    return call.target.removeprefix("aten.")
