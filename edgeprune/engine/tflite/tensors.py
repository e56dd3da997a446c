"""Tensors of a `.tflite` subgraph: shapes, element types, quantization and the values of constants."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, prod
from typing import Any

import numpy as np

from edgeprune.engine.tflite.flatfile import BROKEN_HINT, FlatFile, read_once
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import DType, QParams, Tensor

MAX_TENSOR_BYTES = 1 << 28
"""Beyond any microcontroller: 256 MiB."""

TYPES = {
    0: DType.FLOAT32, 1: DType.FLOAT16, 2: DType.INT32, 3: DType.UINT8, 4: DType.INT64, 6: DType.BOOL,
    7: DType.INT16, 9: DType.INT8, 17: DType.INT4,
}  # fmt: skip
"""The schema's numbers of element types."""

_RESOURCE = 13
_OTHER_TYPES = {
    5: "text", 8: "complex numbers", 10: "float64", 11: "complex numbers", 12: "uint64", 14: "variants", 15: "uint32",
    16: "uint16", 18: "bfloat16", 19: "int2", 20: "uint4",
}  # fmt: skip

NUMPY_TYPES = {
    DType.FLOAT32: np.float32, DType.FLOAT16: np.float16, DType.INT32: np.int32, DType.UINT8: np.uint8,
    DType.INT64: np.int64, DType.BOOL: np.bool_, DType.INT16: np.int16, DType.INT8: np.int8,
}  # fmt: skip


def read_buffers(file: FlatFile, model: Any) -> list[np.ndarray]:
    """The bytes of every buffer, (n,) uint8 each; empty where a tensor has no constant value."""
    buffers = []
    for buffer in file.tables(model.BuffersLength(), model.Buffers):
        if buffer.Offset() > 1:  # kept behind the flatbuffer, as in files over 2 GB
            begin, size = buffer.Offset(), buffer.Size()
            if begin + size > len(file.data):
                raise ModelError(f"a buffer ends at byte {begin + size:,} of {len(file.data):,}", BROKEN_HINT)
            buffers.append(np.frombuffer(file.data, np.uint8, size, begin))
        else:
            values = buffer.DataAsNumpy()
            buffers.append(np.zeros(0, np.uint8) if isinstance(values, int) else values)
    return buffers


def read_tensor(file: FlatFile, source: Any, name: str, buffers: list[np.ndarray]) -> Tensor:
    """One tensor. Raises ModelError when shape, type or constant do not fit together."""
    shape = _closed(file.ints(source.ShapeAsNumpy()))
    if source.Type() == _RESOURCE:
        return Tensor(name, (), DType.INT32)  # a handle: the variable behind it is another tensor
    dtype = TYPES.get(source.Type())
    if dtype is None:
        kind = _OTHER_TYPES.get(source.Type(), f"element type number {source.Type()}")
        raise UnsupportedOp(f"tensor {name!r} holds {kind}, which no kernel reads")
    if source.Sparsity() is not None:
        raise UnsupportedOp(f"tensor {name!r} is stored sparse", "export it dense")
    if len(shape) > 8 or any(size < 0 for size in shape) or dtype.size_bytes(prod(shape)) > MAX_TENSOR_BYTES:
        raise ModelError(f"tensor {name!r} has shape {shape}", "shapes must be fixed and below 256 MiB")
    if not 0 <= source.Buffer() < len(buffers):
        raise ModelError(f"tensor {name!r} refers to buffer {source.Buffer()} of {len(buffers)}", BROKEN_HINT)
    stored = buffers[source.Buffer()]
    is_constant = stored.size > 0
    return Tensor(
        name=name,
        shape=shape,
        dtype=dtype,
        qparams=_read_qparams(file, source.Quantization(), name, shape),
        data=_values(file, stored, dtype, shape, name) if is_constant else None,
        is_constant=is_constant,
        is_variable=bool(source.IsVariable()) and not is_constant,
    )


def of_shape(where: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A tensor whose shape was worked out; ModelError where it is none, or beyond any microcontroller."""
    if len(shape) > 8 or min(shape, default=0) < 0 or tensor.dtype.size_bytes(prod(shape)) > MAX_TENSOR_BYTES:
        raise ModelError(f"{where}: a tensor of shape {shape}", "shapes must be fixed and below 256 MiB")
    return replace(tensor, shape=shape)


def _closed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """An open batch is one image."""
    return (1, *shape[1:]) if shape[:1] == (-1,) else shape


def _values(file: FlatFile, stored: np.ndarray, dtype: DType, shape: tuple[int, ...], name: str) -> np.ndarray:
    count = prod(shape)
    if stored.size != dtype.size_bytes(count):
        raise ModelError(
            f"constant {name!r} of shape {shape} needs {dtype.size_bytes(count):,} B, the file holds {stored.size:,}",
            BROKEN_HINT,
        )
    if dtype is DType.INT4:
        file.account_for(count)
        pairs = np.stack([stored << 4, stored], axis=1).astype(np.uint8).view(np.int8) >> 4
        return pairs.reshape(-1)[:count].reshape(shape)
    return stored.view(NUMPY_TYPES[dtype]).reshape(shape)


def _read_qparams(file: FlatFile, source: Any, name: str, shape: tuple[int, ...]) -> QParams | None:
    if source is None:
        return None
    source = read_once(source)
    if source.DetailsType() != 0:
        raise UnsupportedOp(f"tensor {name!r} is quantized by blocks", "quantize per tensor or per channel")
    scale = tuple(float(value) for value in file.array(source.ScaleAsNumpy()))
    zero_point = file.ints(source.ZeroPointAsNumpy())
    if not scale:
        return None
    if len(zero_point) in (0, 1):
        zero_point = (zero_point or (0,)) * len(scale)
    axis = source.QuantizedDimension() if len(scale) > 1 else None
    if axis is not None and len(shape) == 1:
        axis = 0  # of a bias files state that of its weights
    if axis is not None and not (0 <= axis < len(shape) and shape[axis] == len(scale)):
        raise ModelError(f"tensor {name!r} of shape {shape} has {len(scale)} scales on axis {axis}", BROKEN_HINT)
    if len(zero_point) != len(scale) or not all(map(isfinite, scale)):
        raise ModelError(f"tensor {name!r} has impossible scales or zero points", BROKEN_HINT)
    if any(not -(1 << 31) <= z < 1 << 31 for z in zero_point):
        raise ModelError(f"tensor {name!r} has a zero point outside int32", BROKEN_HINT)
    return QParams(scale, zero_point, axis)
