"""The graph every stage speaks: tensors, operators in execution order, quantization.

The same types carry the float graph traced from PyTorch, the predicted int8 graph at candidate widths
(constants have shapes but no data) and the int8 graph read back from a `.tflite` file.

Normal form, whatever the graph came from:
    activations   (N, H, W, C) for images, (N, C) for vectors; N = 1
    CONV_2D       weight (O, kh, kw, I / groups), bias (O)
    DEPTHWISE_CONV_2D  weight (1, kh, kw, C * multiplier), bias (C * multiplier)
    TRANSPOSE_CONV     weight (O, kh, kw, I), bias (O)
    FULLY_CONNECTED    weight (O, I), bias (O)
    padding       explicit, `pad = (top, bottom, left, right)`, never SAME or VALID
    activation    fused into the operator: NONE, RELU, RELU6, RELU_N1_TO_1
Attributes of each operator kind stand beside its name in `OpKind`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from math import prod
from typing import Any

import numpy as np


class DType(StrEnum):
    FLOAT32 = "float32"
    INT4 = "int4"
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    BOOL = "bool"

    def size_bytes(self, count: int) -> int:
        """Bytes of `count` packed elements (int4: two a byte)."""
        if self is DType.INT4:
            return (count + 1) // 2
        return count * _BYTES[self]


_BYTES = {
    DType.FLOAT32: 4, DType.INT8: 1, DType.UINT8: 1, DType.INT16: 2,
    DType.INT32: 4, DType.INT64: 8, DType.BOOL: 1,
}  # fmt: skip


class Activation(StrEnum):
    NONE = "none"
    RELU = "relu"
    RELU6 = "relu6"
    RELU_N1_TO_1 = "relu_n1_to_1"


class OpKind(StrEnum):
    """TFLite's builtin operator names. In brackets: attributes beyond the tensors.

    `stride`, `dilation` are (height, width); `pad` is (top, bottom, left, right); `activation` an Activation.
    """

    CONV_2D = "CONV_2D"  # stride, dilation, pad, activation (groups follow from the weight's shape)
    DEPTHWISE_CONV_2D = "DEPTHWISE_CONV_2D"  # stride, dilation, pad, activation
    TRANSPOSE_CONV = "TRANSPOSE_CONV"  # stride, pad, activation; inputs (input, weight, bias)
    FULLY_CONNECTED = "FULLY_CONNECTED"  # activation
    ADD = "ADD"  # activation
    SUB = "SUB"  # activation
    MUL = "MUL"  # activation
    MAXIMUM = "MAXIMUM"
    MINIMUM = "MINIMUM"
    AVERAGE_POOL_2D = "AVERAGE_POOL_2D"  # filter, stride, pad, activation
    MAX_POOL_2D = "MAX_POOL_2D"  # filter, stride, pad, activation
    MEAN = "MEAN"  # axes, keep_dims
    SUM = "SUM"  # axes, keep_dims
    REDUCE_MAX = "REDUCE_MAX"  # axes, keep_dims
    SOFTMAX = "SOFTMAX"  # beta
    LOGISTIC = "LOGISTIC"
    TANH = "TANH"
    RELU = "RELU"
    RELU6 = "RELU6"
    RELU_N1_TO_1 = "RELU_N1_TO_1"
    LEAKY_RELU = "LEAKY_RELU"  # alpha
    PRELU = "PRELU"
    HARD_SWISH = "HARD_SWISH"
    ELU = "ELU"
    GELU = "GELU"  # approximate
    PAD = "PAD"  # padding: ((before, after), ...) per axis
    PADV2 = "PADV2"  # padding; input 1 holds the value
    MIRROR_PAD = "MIRROR_PAD"  # padding, mode
    RESHAPE = "RESHAPE"
    SQUEEZE = "SQUEEZE"
    EXPAND_DIMS = "EXPAND_DIMS"
    TRANSPOSE = "TRANSPOSE"  # permutation
    CONCATENATION = "CONCATENATION"  # axis, activation
    SPLIT = "SPLIT"  # axis
    SPLIT_V = "SPLIT_V"  # axis, sizes
    PACK = "PACK"  # axis
    UNPACK = "UNPACK"  # axis
    SLICE = "SLICE"  # begin, size
    STRIDED_SLICE = "STRIDED_SLICE"  # begin, end, strides, shrink_axes (masks already applied; end -1: through 0)
    GATHER = "GATHER"  # axis
    RESIZE_NEAREST_NEIGHBOR = "RESIZE_NEAREST_NEIGHBOR"  # align_corners, half_pixel_centers
    RESIZE_BILINEAR = "RESIZE_BILINEAR"  # align_corners, half_pixel_centers
    SPACE_TO_DEPTH = "SPACE_TO_DEPTH"  # block_size
    DEPTH_TO_SPACE = "DEPTH_TO_SPACE"  # block_size
    QUANTIZE = "QUANTIZE"
    DEQUANTIZE = "DEQUANTIZE"
    ABS = "ABS"
    SQRT = "SQRT"
    RSQRT = "RSQRT"
    BATCH_MATMUL = "BATCH_MATMUL"  # adj_x, adj_y
    ARG_MAX = "ARG_MAX"  # axis
    UNIDIRECTIONAL_SEQUENCE_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"  # cell_clip, projection_clip, time_major,
    # intermediates (indices of tensors that carry the gates' quantization and no values)
    SVDF = "SVDF"  # rank, activation
    EARLY_EXIT = "EARLY_EXIT"  # margin; not TFLite's (`graph/early_exit.py`): inputs (own answer, the exit's)
    STAGE = "STAGE"  # ops; not TFLite's: the first layers run row by row (`plan/stage`), made after lowering


@dataclass(frozen=True)
class QParams:
    """Affine quantization, `real = (q - zero_point) * scale`.

    Attributes:
        scale: one per tensor, or one per index of `axis`.
        zero_point: as many as `scale`.
        axis: the quantized axis, None when per tensor.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None = None


@dataclass(frozen=True, eq=False)
class Tensor:
    """One value of the graph.

    Attributes:
        name: as in the source model; unique in its graph.
        shape: element counts, outermost first.
        dtype: element type.
        qparams: None for float tensors and plain integers.
        data: the values of a constant in `shape` (int4 unpacked to int8), None for an activation and for a
            constant of a predicted graph.
        is_constant: lives in flash, not in the arena.
        is_variable: state of a recurrent layer: lives in the arena, all zero bytes at first, kept from one inference
            to the next; its op both reads and writes it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType
    qparams: QParams | None = None
    data: np.ndarray | None = None
    is_constant: bool = False
    is_variable: bool = False

    @property
    def element_count(self) -> int:
        return prod(self.shape)

    @property
    def size_bytes(self) -> int:
        return self.dtype.size_bytes(self.element_count)


@dataclass(frozen=True, eq=False)
class Op:
    """One operator. `inputs` and `outputs` index `Graph.tensors`; -1 stands for an absent optional input.

    `name` is the layer a person would recognize (`block1.conv2`), unique in its graph.
    """

    kind: OpKind
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Graph:
    """Operators in execution order over one list of tensors. Unused tensors are allowed."""

    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def input_of(self, op: Op, index: int) -> Tensor | None:
        """The op's input tensor, None where the optional input is absent."""
        if index >= len(op.inputs) or op.inputs[index] < 0:
            return None
        return self.tensors[op.inputs[index]]

    def output_of(self, op: Op, index: int = 0) -> Tensor:
        return self.tensors[op.outputs[index]]

    @cached_property
    def consumers(self) -> Mapping[int, tuple[int, ...]]:
        """Tensor index -> indices of the ops that read it, in order."""
        found: dict[int, list[int]] = {}
        for index, op in enumerate(self.ops):
            for tensor in op.inputs:
                if tensor >= 0 and index not in found.setdefault(tensor, []):
                    found[tensor].append(index)
        return {tensor: tuple(ops) for tensor, ops in found.items()}

    @cached_property
    def producer(self) -> Mapping[int, int]:
        """Tensor index -> index of the op that writes it."""
        return {tensor: index for index, op in enumerate(self.ops) for tensor in op.outputs}

    @cached_property
    def largest_op_bytes(self) -> int:
        """Most bytes of activations one op reads and writes."""
        return max(
            sum(
                self.tensors[t].size_bytes
                for t in (*op.inputs, *op.outputs)
                if t >= 0 and not self.tensors[t].is_constant
            )
            for op in self.ops
        )

    def with_ops(self, ops: tuple[Op, ...]) -> Graph:
        return replace(self, ops=ops)
