"""Builds small `.tflite` models from the flatbuffer schema: single operators, or many side by side in one file.

Many independent operators in one model are one interpreter run and one compilation, so thousands of cases stay cheap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = {
    "float32": schema.TensorType.FLOAT32, "int8": schema.TensorType.INT8, "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32, "int64": schema.TensorType.INT64, "bool": schema.TensorType.BOOL,
    "int4": schema.TensorType.INT4, "uint8": schema.TensorType.UINT8, "float16": schema.TensorType.FLOAT16,
    "resource": schema.TensorType.RESOURCE,
}  # fmt: skip
_LEAST_VERSIONS = {schema.BuiltinOperator.BROADCAST_TO: 2}  # of those LiteRT has no first one of


class ModelBuilder:
    """Tensors and operators of one subgraph; tensors are known by index."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.operatorCodes = []
        self.model.buffers = [schema.BufferT()]
        self.graph = schema.SubGraphT()
        self.graph.tensors = []
        self.graph.operators = []
        self.graph.inputs = []
        self.graph.outputs = []
        self._codes: dict[int, int] = {}

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "int8",
        scale: float | Sequence[float] | None = None,
        zero: int | Sequence[int] = 0,
        axis: int = 0,
        data: Any = None,
        is_variable: bool = False,
    ) -> int:
        """A tensor; with `data` a constant (int4 data is packed, two values a byte)."""
        t = schema.TensorT()
        t.name = f"t{len(self.graph.tensors)}".encode()
        t.shape = list(shape)
        t.hasRank = True
        t.type = TYPES[dtype]
        t.isVariable = is_variable
        if scale is not None:
            q = schema.QuantizationParametersT()
            q.scale = np.atleast_1d(np.asarray(scale, np.float32)).tolist()
            zeros = np.atleast_1d(np.asarray(zero, np.int64)).tolist()
            q.zeroPoint = zeros * len(q.scale) if len(zeros) == 1 else zeros
            q.quantizedDimension = axis
            t.quantization = q
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(_packed(np.asarray(data), dtype), np.uint8)
            t.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(t)
        return len(self.graph.tensors) - 1

    def input(self, shape: Sequence[int], **keywords: Any) -> int:
        index = self.tensor(shape, **keywords)
        self.graph.inputs.append(index)
        return index

    def ints(self, values: Any) -> int:
        """A constant int32 tensor of settings."""
        array = np.asarray(values, np.int32)
        return self.tensor(array.shape, "int32", data=array)

    def op(self, kind: str, inputs: Sequence[int], outputs: Sequence[int], options: Any = None) -> None:
        """An operator; `options` is an object of the schema, e.g. `schema.Conv2DOptionsT()`."""
        o = schema.OperatorT()
        o.opcodeIndex = self._code(getattr(schema.BuiltinOperator, kind))
        o.inputs, o.outputs = list(inputs), list(outputs)
        if options is not None:
            o.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
            o.builtinOptions = options
        self.graph.operators.append(o)

    def custom(self, name: str, inputs: Sequence[int], outputs: Sequence[int], settings: bytes) -> None:
        """An operator that the schema does not know, the only kind of them in the model."""
        self.op("CUSTOM", inputs, outputs)
        operator = self.graph.operators[-1]
        operator.customOptions = np.frombuffer(settings, np.uint8)
        self.model.operatorCodes[operator.opcodeIndex].customCode = name.encode()

    def output(self, *indices: int) -> None:
        self.graph.outputs += indices

    def build(self) -> bytes:
        self.model.subgraphs = [self.graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _code(self, number: int) -> int:
        if number not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode = number
            code.deprecatedBuiltinCode = min(number, 127)
            code.version = _LEAST_VERSIONS.get(number, 1)
            self._codes[number] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(code)
        return self._codes[number]


def _packed(data: np.ndarray, dtype: str) -> bytes:
    if dtype != "int4":
        return np.ascontiguousarray(data.astype(dtype)).tobytes()
    nibbles = data.astype(np.int8).reshape(-1) & 15
    padded = np.concatenate([nibbles, np.zeros(nibbles.size % 2, np.int8)]).astype(np.uint8)
    return bytes(padded[::2] | padded[1::2] << 4)
