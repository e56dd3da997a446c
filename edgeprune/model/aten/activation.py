"""Activations: fused into the operator before them where the converter does so."""

from __future__ import annotations

from typing import Any

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import Activation as Fused
from edgeprune.ir import OpKind
from edgeprune.model.aten.table import lowers
from edgeprune.model.draft import FUSES_ACTIVATION, Activation, Draft
from edgeprune.model.record import Call

_STANDALONE = {Fused.RELU: OpKind.RELU, Fused.RELU6: OpKind.RELU6, Fused.RELU_N1_TO_1: OpKind.RELU_N1_TO_1}
_CLAMPS = {(0.0, None): Fused.RELU, (0.0, 6.0): Fused.RELU6, (-1.0, 1.0): Fused.RELU_N1_TO_1}
_UNARY = {
    "sigmoid": OpKind.LOGISTIC, "tanh": OpKind.TANH, "hardswish": OpKind.HARD_SWISH, "elu": OpKind.ELU,
    "abs": OpKind.ABS, "sqrt": OpKind.SQRT, "rsqrt": OpKind.RSQRT,
}  # fmt: skip


@lowers("relu")
def relu(draft: Draft, call: Call) -> None:
    _fuse(draft, call, Fused.RELU)


@lowers("hardtanh", "clamp", "clamp_min")
def clamp(draft: Draft, call: Call) -> None:
    low = call.args.get("min_val", call.args.get("min"))
    high = call.args.get("max_val", call.args.get("max"))
    bounds = (None if low is None else float(low), None if high is None else float(high))
    if bounds not in _CLAMPS:
        raise UnsupportedOp(
            f"{call.layer} at {call.where}: limits {bounds[0]} and {bounds[1]}",
            hint="the device knows ReLU, ReLU6 and -1..1",
        )
    _fuse(draft, call, _CLAMPS[bounds])


@lowers(*_UNARY)
def unary(draft: Draft, call: Call) -> None:
    elementwise(draft, call, _UNARY[call.target.removeprefix("aten.")])


@lowers("gelu")
def gelu(draft: Draft, call: Call) -> None:
    elementwise(draft, call, OpKind.GELU, approximate=call.args["approximate"] == "tanh")


@lowers("leaky_relu")
def leaky_relu(draft: Draft, call: Call) -> None:
    elementwise(draft, call, OpKind.LEAKY_RELU, alpha=float(call.args["negative_slope"]))


@lowers("silu")
def silu(draft: Draft, call: Call) -> None:
    held = draft.activation(call.tensor("self"))
    shape = draft.tensors[held.tensor].shape
    gate = draft.emit(OpKind.LOGISTIC, call, [held.tensor], shape)
    draft.values[call.outputs[0]] = Activation(draft.emit(OpKind.MUL, call, [held.tensor, gate], shape), held.axes)


@lowers("hardsigmoid")
def hardsigmoid(draft: Draft, call: Call) -> None:
    """relu6(x + 3) / 6, as the converter writes it."""
    held = draft.activation(call.tensor("self"))
    shape = draft.tensors[held.tensor].shape
    three = draft.add_scalar(f"{call.layer}.three", 3.0)
    sixth = draft.add_scalar(f"{call.layer}.sixth", 1 / 6)
    shifted = draft.emit(OpKind.ADD, call, [held.tensor, three], shape, activation=Fused.RELU6)
    draft.values[call.outputs[0]] = Activation(draft.emit(OpKind.MUL, call, [shifted, sixth], shape), held.axes)


@lowers("_prelu_kernel")
def prelu(draft: Draft, call: Call) -> None:
    """relu(x) - slope * relu(-x), as the converter writes it."""
    held = draft.activation(call.tensor("self"))
    shape = draft.tensors[held.tensor].shape
    slope = draft.constant(call, "weight").arranged(held.axes)
    positive = draft.emit(OpKind.RELU, call, [held.tensor], shape)
    minus = draft.add_scalar(f"{call.layer}.minus", -1.0)
    negative = draft.emit(OpKind.MUL, call, [held.tensor, minus], shape, activation=Fused.RELU)
    scaled = draft.emit(OpKind.MUL, call, [negative, draft.add_constant(f"{call.layer}.weight", slope)], shape)
    draft.values[call.outputs[0]] = Activation(draft.emit(OpKind.SUB, call, [positive, scaled], shape), held.axes)


@lowers("_softmax", "_log_softmax")
def softmax(draft: Draft, call: Call) -> None:
    """TFLite's softmax runs along the last axis."""
    if call.target == "aten._log_softmax":
        raise UnsupportedOp(f"log_softmax at {call.where}", hint="end in logits; the largest stays the largest")
    held = draft.activation(call.tensor("self"))
    dim = int(call.args["dim"]) % len(held.axes)
    last = (*(axis for axis in held.axes if axis != dim), dim)
    held = draft.arranged(held, last)
    tensor = draft.emit(OpKind.SOFTMAX, call, [held.tensor], draft.tensors[held.tensor].shape, beta=1.0)
    draft.values[call.outputs[0]] = Activation(tensor, held.axes)


def elementwise(draft: Draft, call: Call, kind: OpKind, **attrs: Any) -> None:
    held = draft.activation(call.tensor("self"))
    tensor = draft.emit(kind, call, [held.tensor], draft.tensors[held.tensor].shape, **attrs)
    draft.values[call.outputs[0]] = Activation(tensor, held.axes)


def _fuse(draft: Draft, call: Call, activation: Fused) -> None:
    value = call.tensor("self")
    producer = draft.foldable_producer(value, FUSES_ACTIVATION)
    if producer is None:
        elementwise(draft, call, _STANDALONE[activation])
        return
    producer.attrs["activation"] = activation
    draft.values[call.outputs[0]] = draft.values[value]
