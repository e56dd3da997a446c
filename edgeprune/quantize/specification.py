"""How each kind of operator is quantized: one table, read by prediction, export and quantization-aware training.

Source: LiteRT 8-bit quantization specification (https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec)
and the 16x8 scheme beside it: int8 activations with a scale and a zero point per tensor, int8 weights symmetric per
output channel in [-127, 127], int32 biases at the product of both scales; int16 activations symmetric, int64 biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from edgeprune.ir import DType, OpKind, QParams


class Output(Enum):
    """Where an operator's output has its scale from."""

    OWN = auto()  # the range of its values
    INPUT = auto()  # input 0's scale and zero point
    ROWS = auto()  # input 1's: of a table whose rows it is made of
    SHARED = auto()  # one scale and zero point for all inputs and the output
    FIXED = auto()  # the same in every network


@dataclass(frozen=True)
class Rule:
    """One kind of operator.

    Attributes:
        output: where its scale is from.
        fixed: activation type -> scale and zero point, for `Output.FIXED`.
        constant_shares_scale: a constant input has the scale of input 0 (the value of PADV2).
        picks_rows: input 0 holds indices, which have a scale and zero point of their own (`ir/indices.py`).
    """

    output: Output = Output.OWN
    fixed: Mapping[DType, QParams] | None = None
    constant_shares_scale: bool = False
    picks_rows: bool = False


def _fixed(scale: float, zero_point: int, scale16: float) -> Rule:
    return Rule(Output.FIXED, {DType.INT8: QParams((scale,), (zero_point,)), DType.INT16: QParams((scale16,), (0,))})


_KEEPS = Rule(Output.INPUT)
_UNIT_INTERVAL = _fixed(1 / 256, -128, 1 / 32768)  # of values in 0..1

SPECIFICATION: Mapping[OpKind, Rule] = {
    OpKind.SOFTMAX: _UNIT_INTERVAL,
    OpKind.LOGISTIC: _UNIT_INTERVAL,
    OpKind.TANH: _fixed(1 / 128, 0, 1 / 32768),
    OpKind.L2_NORMALIZATION: _fixed(1 / 128, 0, 1 / 32768),
    OpKind.AVERAGE_POOL_2D: _KEEPS,
    OpKind.MAX_POOL_2D: _KEEPS,
    OpKind.REDUCE_MAX: _KEEPS,
    OpKind.PAD: _KEEPS,
    OpKind.PADV2: Rule(Output.INPUT, constant_shares_scale=True),
    OpKind.MIRROR_PAD: _KEEPS,
    OpKind.RESHAPE: _KEEPS,
    OpKind.SQUEEZE: _KEEPS,
    OpKind.EXPAND_DIMS: _KEEPS,
    OpKind.TRANSPOSE: _KEEPS,
    OpKind.SLICE: _KEEPS,
    OpKind.STRIDED_SLICE: _KEEPS,
    OpKind.SPLIT: _KEEPS,
    OpKind.SPLIT_V: _KEEPS,
    OpKind.UNPACK: _KEEPS,
    OpKind.GATHER: _KEEPS,
    OpKind.RESIZE_NEAREST_NEIGHBOR: _KEEPS,
    OpKind.RESIZE_BILINEAR: _KEEPS,
    OpKind.SPACE_TO_DEPTH: _KEEPS,
    OpKind.DEPTH_TO_SPACE: _KEEPS,
    OpKind.TABLE: Rule(Output.ROWS, picks_rows=True),
    OpKind.CONCATENATION: Rule(Output.SHARED),
    OpKind.PACK: Rule(Output.SHARED),
    OpKind.MAXIMUM: Rule(Output.SHARED),
    OpKind.MINIMUM: Rule(Output.SHARED),
}
"""Kinds that are not named have a scale of their own for each output."""

INT16_LACKING = frozenset({
    OpKind.ELU, OpKind.HARD_SWISH, OpKind.PRELU, OpKind.RELU_N1_TO_1, OpKind.FUNCTION, OpKind.TABLE,
    OpKind.L2_NORMALIZATION,
})  # fmt: skip
"""LiteRT 2.3.0 refuses them with int16 activations, but for PRELU, which it computes wrong without a word; what becomes
a table of int8 values has no form at all."""

INT4_WEIGHTS = frozenset({OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D, OpKind.FULLY_CONNECTED})
"""Kinds whose weights LiteRT reads as int4; those of others stay int8."""

_DEFAULT = Rule()


def rule_of(kind: OpKind) -> Rule:
    return SPECIFICATION.get(kind, _DEFAULT)
