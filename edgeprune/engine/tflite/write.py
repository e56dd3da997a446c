"""A `Graph` becomes a `.tflite` file; `read.py` reads the same graph back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeprune.engine.tflite.packing import packed_model
from edgeprune.engine.tflite.settings import settings_of
from edgeprune.engine.tflite.stated import Settings
from edgeprune.engine.tflite.tensors import TYPES
from edgeprune.engine.tflite.versions import version_of
from edgeprune.errors import ModelError
from edgeprune.ir import DType, Graph, Op, QParams, Tensor

_TYPE_NUMBERS = {dtype: number for number, dtype in TYPES.items()}
_SCHEMA_VERSION = 3
_FIRST_NEW_OPERATOR = 127  # from here on the old, one-byte operator code says "look at the new one"


@dataclass(frozen=True)
class FileNames:
    """What a file calls its ends and itself.

    Attributes:
        inputs, outputs: of the signature, in the graph's order; () for `input_0`, `output_0`, ...
        description: of the whole file.
        metadata: name -> bytes, beside the graph.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    description: str = ""
    metadata: Mapping[str, bytes] = field(default_factory=dict)


def write_tflite(graph: Graph, names: FileNames | None = None) -> bytes:
    """The file of a graph whose constants have data and whose pads are SAME or VALID (`expressible.py`).

    Tensors keep their names and order, so that `read_tflite` gives the same graph back; settings that TFLite keeps in
    constant tensors (axes, paddings, shapes) follow behind them, and equal buffers are stored once.

    Args:
        graph: float32, int8, int16 or mixed.
        names: of the signature `serving_default`.

    Raises:
        ModelError: an operator or a padding that TFLite has no form for, a constant without data.

    Source: the schema at https://github.com/tensorflow/tensorflow/tree/master/tensorflow/compiler/mlir/lite/schema
    """
    from ai_edge_litert import schema_py_generated as schema

    names = names or FileNames()
    model: Any = schema.ModelT()
    model.version = _SCHEMA_VERSION
    model.description = names.description or None
    model.buffers = [schema.BufferT()]
    subgraph: Any = schema.SubGraphT()
    subgraph.name = "main"
    subgraph.tensors = [_tensor(schema, model, tensor) for tensor in graph.tensors]
    subgraph.inputs, subgraph.outputs = list(graph.inputs), list(graph.outputs)
    codes: dict[tuple[str, int], int] = {}
    model.operatorCodes = []
    subgraph.operators = [_operator(schema, model, subgraph, graph, op, codes) for op in graph.ops]
    model.subgraphs = [subgraph]
    model.signatureDefs = [_signature(schema, graph, names)]
    _add_metadata(schema, model, names.metadata)
    return packed_model(model)


def _tensor(schema: Any, model: Any, tensor: Tensor) -> Any:
    made = schema.TensorT()
    made.name, made.shape, made.type = tensor.name, list(tensor.shape), _TYPE_NUMBERS[tensor.dtype]
    made.isVariable, made.hasRank = tensor.is_variable, True
    made.quantization = None if tensor.qparams is None else _quantization(schema, tensor.qparams)
    made.buffer = 0
    if tensor.is_constant:
        if tensor.data is None:
            raise ModelError(f"constant {tensor.name!r} has no data: a predicted graph cannot be written")
        made.buffer = _buffer(schema, model, _stored(tensor))
    return made


def _stored(tensor: Tensor) -> bytes:
    """A constant's bytes; int4 two to a byte, the first one lowest."""
    assert tensor.data is not None
    if tensor.dtype is not DType.INT4:
        return np.ascontiguousarray(tensor.data).tobytes()
    nibbles = tensor.data.reshape(-1).astype(np.uint8) & 0xF
    if len(nibbles) % 2:
        nibbles = np.append(nibbles, np.uint8(0))
    return (nibbles[0::2] | nibbles[1::2] << 4).astype(np.uint8).tobytes()


def _buffer(schema: Any, model: Any, content: bytes) -> int:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(content, np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1


def _quantization(schema: Any, qparams: QParams) -> Any:
    made = schema.QuantizationParametersT()
    made.scale = np.array(qparams.scale, np.float32)
    made.zeroPoint = np.array(qparams.zero_point, np.int64)
    made.quantizedDimension = qparams.axis or 0
    return made


def _operator(schema: Any, model: Any, subgraph: Any, graph: Graph, op: Op, codes: dict[tuple[str, int], int]) -> Any:
    settings = settings_of(graph, op)
    made = schema.OperatorT()
    made.opcodeIndex = _code(schema, model, str(op.kind), version_of(graph, op), codes)
    made.inputs = [_input(schema, model, subgraph, op, given, k) for k, given in enumerate(settings.inputs)]
    made.outputs = list(op.outputs)
    made.intermediates = list(settings.intermediates) or None
    if settings.options:
        made.builtinOptionsType = getattr(schema.BuiltinOptions, settings.options)
        made.builtinOptions = _options(schema, settings)
    return made


def _options(schema: Any, settings: Settings) -> Any:
    options = getattr(schema, f"{settings.options}T")()
    for name, value in settings.fields.items():
        assert hasattr(options, name), f"{settings.options} has no {name}"
        setattr(options, name, value)
    return options


def _input(schema: Any, model: Any, subgraph: Any, op: Op, given: int | np.ndarray, position: int) -> int:
    """A tensor's index: the operator's own, or a setting's, which is added."""
    if isinstance(given, int):
        return op.inputs[given]
    made = schema.TensorT()
    made.name, made.shape, made.type = f"{op.name}/setting_{position}", list(given.shape), _TYPE_NUMBERS[DType.INT32]
    made.hasRank, made.buffer = True, _buffer(schema, model, given.tobytes())
    subgraph.tensors.append(made)
    return len(subgraph.tensors) - 1


def _code(schema: Any, model: Any, kind: str, version: int, codes: dict[tuple[str, int], int]) -> int:
    if (kind, version) not in codes:
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, _FIRST_NEW_OPERATOR)
        code.version = version
        codes[kind, version] = len(model.operatorCodes)
        model.operatorCodes.append(code)
    return codes[kind, version]


def _signature(schema: Any, graph: Graph, names: FileNames) -> Any:
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = "serving_default", 0
    made.inputs = _ends(schema, graph.inputs, names.inputs, "input")
    made.outputs = _ends(schema, graph.outputs, names.outputs, "output")
    return made


def _ends(schema: Any, tensors: Sequence[int], given: Sequence[str], what: str) -> list[Any]:
    names = given or [f"{what}_{index}" for index in range(len(tensors))]
    found = []
    for name, tensor in zip(names, tensors, strict=True):
        made = schema.TensorMapT()
        made.name, made.tensorIndex = name, tensor
        found.append(made)
    return found


def _add_metadata(schema: Any, model: Any, metadata: Mapping[str, bytes]) -> None:
    entries = []
    for name, content in metadata.items():
        made = schema.MetadataT()
        made.name, made.buffer = name, _buffer(schema, model, content)
        entries.append(made)
    model.metadata = entries or None
