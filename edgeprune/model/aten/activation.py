"""Activations: fused into the operator before them where it takes one, else operators of their own."""

from __future__ import annotations

from math import isinf

import numpy as np

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import TRAITS, ArithmeticAttrs, Attrs, GeluAttrs, LeakyReluAttrs, OpKind, with_activation
from edgeprune.ir import Activation as Fused
from edgeprune.model.aten.functions import elu_of, function
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import Draft
from edgeprune.model.recording import Call
from edgeprune.model.values import Activation

_STANDALONE = {
    traits.standalone_activation: kind for kind, traits in TRAITS.items() if traits.standalone_activation is not None
}
_CLAMPS = {(0.0, None): Fused.RELU, (0.0, 6.0): Fused.RELU6, (-1.0, 1.0): Fused.RELU_N1_TO_1}
_UNARY = {
    "sigmoid": OpKind.LOGISTIC, "tanh": OpKind.TANH, "hardswish": OpKind.HARD_SWISH, "abs": OpKind.ABS,
    "sqrt": OpKind.SQRT, "rsqrt": OpKind.RSQRT,
}  # fmt: skip


@lowers("relu")
def relu(draft: Draft, call: Call) -> None:
    _fuse(draft, call, Fused.RELU)


@lowers("hardtanh", "clamp", "clamp_min", "clamp_max")
def clamp(draft: Draft, call: Call) -> None:
    """A fused activation where it is one, else MAXIMUM with the lower limit and MINIMUM with the upper one."""
    low = call.args.get("min_val", call.args.get("min"))
    high = call.args.get("max_val", call.args.get("max"))
    if not all(limit is None or isinstance(limit, int | float) for limit in (low, high)):
        raise UnsupportedOp(f"{call.layer} at {call.where}: limits that are tensors")
    bounds = tuple(None if limit is None or isinf(limit) else float(limit) for limit in (low, high))
    if bounds == (None, None):
        draft.alias(call.outputs[0], call.tensor("self"))
        return
    if bounds in _CLAMPS:
        _fuse(draft, call, _CLAMPS[bounds])
        return
    held = draft.activation(call.tensor("self"))
    tensor, shape = held.tensor, draft.tensors[held.tensor].shape
    for kind, limit in ((OpKind.MAXIMUM, bounds[0]), (OpKind.MINIMUM, bounds[1])):
        if limit is not None:
            tensor = draft.emit(kind, call, [tensor, draft.add_scalar(f"{call.layer}.limit", limit)], shape)
    draft.values[call.outputs[0]] = Activation(tensor, held.axes)


@lowers(*_UNARY)
def unary(draft: Draft, call: Call) -> None:
    elementwise(draft, call, _UNARY[call.target.removeprefix("aten.")])


@lowers("gelu")
def gelu(draft: Draft, call: Call) -> None:
    elementwise(draft, call, OpKind.GELU, GeluAttrs(approximate=call.args["approximate"] == "tanh"))


@lowers("leaky_relu")
def leaky_relu(draft: Draft, call: Call) -> None:
    elementwise(draft, call, OpKind.LEAKY_RELU, LeakyReluAttrs(alpha=_float32(call.args["negative_slope"])))


@lowers("elu", "celu")
def elu(draft: Draft, call: Call) -> None:
    """TFLite's ELU has all its settings at 1."""
    settings = [float(call.args.get(name, 1)) for name in ("alpha", "scale", "input_scale")]
    if settings == [1.0, 1.0, 1.0]:
        elementwise(draft, call, OpKind.ELU)
    else:
        function(draft, call, call.args["self"], elu_of(call.args))


@lowers("silu")
def silu(draft: Draft, call: Call) -> None:
    held = draft.activation(call.tensor("self"))
    shape = draft.tensors[held.tensor].shape
    gate = draft.emit(OpKind.LOGISTIC, call, [held.tensor], shape)
    draft.values[call.outputs[0]] = Activation(draft.emit(OpKind.MUL, call, [held.tensor, gate], shape), held.axes)


@lowers("hardsigmoid")
def hardsigmoid(draft: Draft, call: Call) -> None:
    """relu6(x + 3) / 6."""
    held = draft.activation(call.tensor("self"))
    shape = draft.tensors[held.tensor].shape
    three = draft.add_scalar(f"{call.layer}.three", 3.0)
    sixth = draft.add_scalar(f"{call.layer}.sixth", 1 / 6)
    shifted = draft.emit(OpKind.ADD, call, [held.tensor, three], shape, ArithmeticAttrs(activation=Fused.RELU6))
    draft.values[call.outputs[0]] = Activation(draft.emit(OpKind.MUL, call, [shifted, sixth], shape), held.axes)


@lowers("_prelu_kernel")
def prelu(draft: Draft, call: Call) -> None:
    held = draft.activation(call.tensor("self"))
    slope = draft.add_constant(f"{call.layer}.slope", draft.constant(call, "weight").arranged(held.axes))
    tensor = draft.emit(OpKind.PRELU, call, [held.tensor, slope], draft.tensors[held.tensor].shape)
    draft.values[call.outputs[0]] = Activation(tensor, held.axes)


@lowers("_softmax", "_safe_softmax")
def softmax(draft: Draft, call: Call) -> None:
    """TFLite's softmax runs along the last axis."""
    held = draft.activation(call.tensor("self"))
    dim = int(call.args["dim"]) % len(held.axes)
    last = (*(axis for axis in held.axes if axis != dim), dim)
    held = draft.arranged(held, last)
    tensor = draft.emit(OpKind.SOFTMAX, call, [held.tensor], draft.tensors[held.tensor].shape)
    draft.values[call.outputs[0]] = Activation(tensor, held.axes)


def elementwise(draft: Draft, call: Call, kind: OpKind, attrs: Attrs | None = None) -> None:
    held = draft.activation(call.tensor("self"))
    tensor = draft.emit(kind, call, [held.tensor], draft.tensors[held.tensor].shape, attrs)
    draft.values[call.outputs[0]] = Activation(tensor, held.axes)


def _fuse(draft: Draft, call: Call, activation: Fused) -> None:
    value = call.tensor("self")
    producer = draft.clamping_producer(value)
    if producer is None:
        elementwise(draft, call, _STANDALONE[activation])
        return
    producer.attrs = with_activation(producer.attrs, activation)
    draft.values[call.outputs[0]] = draft.values[value]


def _float32(value: float) -> float:
    """As a file keeps it."""
    return float(np.float32(value))
