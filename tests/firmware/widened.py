"""The random int8 operators of this folder again, with int16 activations: the same shapes and settings, 16x8 types."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from hypothesis import strategies as st

from edgeprune.engine.kernels import plain_types
from edgeprune.ir import DType
from tests.firmware.cases import Case
from tests.firmware.one_op import TYPES, ModelBuilder

_WEIGHTS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "TRANSPOSE_CONV": 1, "FULLY_CONNECTED": 1, "PRELU": 1}
_BIASES = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "TRANSPOSE_CONV": 3, "FULLY_CONNECTED": 2}
_UNIT_OUTPUT = ("SOFTMAX", "LOGISTIC", "TANH")
_NARROW = ("CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")  # LiteRT takes an int32 bias for them
_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
_NOT_IN_LITERT = frozenset(("DEPTH_TO_SPACE", "SPACE_TO_DEPTH"))  # its kernels take any type but int16
WIDE = frozenset(str(kind) for kind, types in plain_types().items() if DType.INT16 in types) - _NOT_IN_LITERT
"""Operators whose kernels take int16, here and in LiteRT."""


def widened(case: Case, seed: int) -> Case:
    """The case with int16 for int8 where it holds activations."""

    def add(model: ModelBuilder) -> None:
        first_tensor, first_op = len(model.graph.tensors), len(model.graph.operators)
        case.add(model)
        widen(model, first_tensor, first_op, np.random.default_rng(seed))

    return Case(f"int16 {seed}: {case.text}", add)


def wide(cases: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    """Cases with int16 activations."""
    return st.builds(widened, cases, st.integers(0, 2**32 - 1))


def widen(model: ModelBuilder, first_tensor: int, first_op: int, rng: np.random.Generator) -> None:
    """Changes a model's tensors and operators from there on; nothing where one of them is not `WIDE`."""
    ops, tensors = model.graph.operators[first_op:], model.graph.tensors
    kinds = [_NAMES[model.model.operatorCodes[op.opcodeIndex].builtinCode] for op in ops]
    if not WIDE.issuperset(kinds):
        return
    kept = _inputs(ops, kinds, _WEIGHTS)
    finer = 2.0 ** -float(rng.integers(0, 9))
    for index in range(first_tensor, len(tensors)):
        if tensors[index].type == TYPES["int8"] and index not in kept:
            _widen_activation(model, index, finer, rng)
        elif tensors[index].type == TYPES["int4"]:  # LiteRT's 16x8 layers read int8
            tensors[index].type = TYPES["int8"]
            _set(model, index, rng.integers(-127, 128, prod(tensors[index].shape)).astype(np.int8))
    for bias in _inputs(ops, kinds, _BIASES):
        owner = next(position for position, op in enumerate(ops) if bias in op.inputs)
        _widen_bias(model, bias, ops[owner], kinds[owner], finer, rng)
    for op, kind in zip(ops, kinds, strict=True):
        if kind in _UNIT_OUTPUT and tensors[op.outputs[0]].quantization is not None:
            tensors[op.outputs[0]].quantization.scale = [2.0**-15]
        elif kind == "EXP" and tensors[op.inputs[0]].quantization is not None:  # beyond float32 it is refused
            given = tensors[op.inputs[0]].quantization
            given.scale = [min(given.scale[0], 2.0**-9)]
        elif kind in ("SQRT", "RSQRT") and tensors[op.inputs[0]].type == TYPES["int16"]:
            _without_negative(model, op)
        elif kind in ("ADD", "SUB"):
            op.builtinOptions.potScaleInt16 = bool(rng.random() < 0.5)
        elif kind == "QUANTIZE" and tensors[op.inputs[0]].type == TYPES["int16"]:
            end = [op.inputs[0], op.outputs[0], None][int(rng.integers(3))]
            if end is not None:
                tensors[end].type = TYPES["int8"]
                tensors[end].quantization.zeroPoint = [int(rng.integers(-128, 128))]


def _without_negative(model: ModelBuilder, op: Any) -> None:
    """Puts an ABS in front of an operator that LiteRT ends with an error for others."""
    data = model.graph.tensors[op.inputs[0]]
    positive = model.tensor(data.shape, "int16", scale=data.quantization.scale)
    model.op("ABS", [op.inputs[0]], [positive], schema.AbsOptionsT())
    op.inputs = [positive]
    operators = model.graph.operators
    operators.insert(operators.index(op), operators.pop())


def _inputs(ops: Sequence[Any], kinds: Sequence[str], places: dict[str, int]) -> set[int]:
    return {
        op.inputs[places[kind]]
        for op, kind in zip(ops, kinds, strict=True)
        if kind in places and len(op.inputs) > places[kind]
    } - {-1}


def _widen_activation(model: ModelBuilder, index: int, finer: float, rng: np.random.Generator) -> None:
    tensor = model.graph.tensors[index]
    tensor.type = TYPES["int16"]
    if tensor.quantization is not None:
        tensor.quantization.zeroPoint = [0] * len(tensor.quantization.scale)
        tensor.quantization.scale = [float(np.float32(scale * finer)) for scale in tensor.quantization.scale]
    if tensor.buffer:
        old = np.frombuffer(bytes(model.model.buffers[tensor.buffer].data), np.int8)
        _set(model, index, old.astype(np.int16) * 256 + rng.integers(0, 256, old.size).astype(np.int16))


def _widen_bias(model: ModelBuilder, index: int, op: Any, kind: str, finer: float, rng: np.random.Generator) -> None:
    tensor = model.graph.tensors[index]
    tensor.quantization.scale = [float(np.float32(scale * finer)) for scale in tensor.quantization.scale]
    old = np.frombuffer(bytes(model.model.buffers[tensor.buffer].data), np.int32).astype(np.int64)
    if kind in _NARROW and rng.random() < 0.3:
        op.builtinOptions.quantizedBiasType = TYPES["int32"]
        _set(model, index, (old * 256).astype(np.int32))
        return
    tensor.type = TYPES["int64"]
    _set(model, index, old * int(rng.choice([1, 256, 1 << 17])))


def _set(model: ModelBuilder, index: int, values: np.ndarray) -> None:
    model.model.buffers[model.graph.tensors[index].buffer].data = np.frombuffer(values.tobytes(), np.uint8)
