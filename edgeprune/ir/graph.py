"""The graph all stages share: tensors, operators in execution order, quantization.

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
Attributes of each kind of operator are in `attrs.py`, what else is true of it in `traits.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from math import prod
from typing import TypeVar

import numpy as np

from edgeprune.ir.attrs import NO_ATTRS, Activation, Attrs, fused_activation
from edgeprune.ir.kinds import OpKind
from edgeprune.ir.traits import TRAITS, Traits

A = TypeVar("A", bound=Attrs)


class DType(StrEnum):
    FLOAT32 = "float32"
    FLOAT16 = "float16"  # of weights alone, in front of a DEQUANTIZE
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
    DType.FLOAT32: 4, DType.FLOAT16: 2, DType.INT8: 1, DType.UINT8: 1, DType.INT16: 2,
    DType.INT32: 4, DType.INT64: 8, DType.BOOL: 1,
}  # fmt: skip


@dataclass(frozen=True)
class QParams:
    """Affine quantization, `real = (q - zero_point) * scale`.

    Attributes:
        scale: one per tensor, or one per index of `axis`.
        zero_point: as many as `scale`.
        axis: the quantized axis, None when per tensor: where there is one scale.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None = None

    def __post_init__(self) -> None:
        if len(self.scale) == 1:
            object.__setattr__(self, "axis", None)


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
        is_variable: state: lives in the arena and is kept from one inference to the next. The op of a recurrent layer
            both reads and writes it; a resource variable is read by some ops and written by another.
        initial: values of a state at first, in `shape`; None for zero bytes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType
    qparams: QParams | None = None
    data: np.ndarray | None = None
    is_constant: bool = False
    is_variable: bool = False
    initial: np.ndarray | None = None

    def with_data(self, data: np.ndarray) -> Tensor:
        return replace(self, data=data)

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

    Raises:
        TypeError: attributes of another kind.
    """

    kind: OpKind
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attrs: Attrs = NO_ATTRS

    def __post_init__(self) -> None:
        if type(self.attrs) is not TRAITS[self.kind].attrs:
            raise TypeError(
                f"{self.kind} {self.name!r} with {type(self.attrs).__name__} where {TRAITS[self.kind].attrs.__name__} "
                "belongs"
            )

    @property
    def traits(self) -> Traits:
        return TRAITS[self.kind]

    @property
    def activation(self) -> Activation:
        """What is fused into it; NONE for kinds that fuse nothing."""
        return fused_activation(self.attrs)


def attrs_of(op: Op, attrs_type: type[A]) -> A:
    """The op's attributes, for those who know of which type they are."""
    assert isinstance(op.attrs, attrs_type), (
        f"{op.kind} {op.name!r} has {type(op.attrs).__name__}, no {attrs_type.__name__}"
    )
    return op.attrs


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
        readers: dict[int, list[int]] = {}
        for index, op in enumerate(self.ops):
            for tensor in op.inputs:
                if tensor >= 0 and index not in readers.setdefault(tensor, []):
                    readers[tensor].append(index)
        return {tensor: tuple(ops) for tensor, ops in readers.items()}

    @cached_property
    def producer(self) -> Mapping[int, int]:
        """Tensor index -> index of the op that writes it."""
        return {tensor: index for index, op in enumerate(self.ops) for tensor in op.outputs}

    @cached_property
    def states(self) -> tuple[int, ...]:
        """Tensors that are kept from one inference to the next, those that are used."""
        used = {tensor for op in self.ops for tensor in (*op.inputs, *op.outputs) if tensor >= 0}
        return tuple(tensor for tensor in sorted(used) if self.tensors[tensor].is_variable)

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

    def with_tensors(self, tensors: tuple[Tensor, ...]) -> Graph:
        return replace(self, tensors=tensors)

    def with_ops(self, ops: tuple[Op, ...]) -> Graph:
        return replace(self, ops=ops)
