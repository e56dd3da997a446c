"""A float graph and its int8 graph run by LiteRT, activations kept: what calibration measures and compares.

Activations that are to be read are made outputs of the file, so that LiteRT's fast kernels keep them; that changes no
value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from edgeprune.engine.tflite.expressible import expressible
from edgeprune.engine.tflite.write import write_tflite
from edgeprune.errors import ModelError
from edgeprune.ir import DType, Graph, Tensor

Read = Callable[[int], np.ndarray]
"""A tensor's index in the graph -> its float32 values for the sample that ran last, (1, ...)."""

_LIMITS = {DType.INT8: (-128, 127), DType.INT16: (-32768, 32767)}


class FloatRunner:
    """A float graph, every constant with data.

    Raises:
        ModelError: LiteRT refuses its file.
    """

    def __init__(self, graph: Graph):
        self.graph = graph
        self._interpreter = interpreter_of(_file_with_outputs(graph, activations(graph)))

    def run(self, sample: Sequence[np.ndarray]) -> Read:
        """Runs one sample, an array (1, ...) float32 per input; every activation can be read."""
        for index, values in zip(self.graph.inputs, sample, strict=True):
            self._interpreter.set_tensor(index, values)
        self._interpreter.invoke()
        return self._interpreter.get_tensor  # type: ignore[no-any-return]


class IntegerRunner:
    """A quantized graph, fed and read in real values.

    Args:
        readable: the tensors that can be read.
    """

    def __init__(self, graph: Graph, readable: Sequence[int]):
        self.graph = graph
        self._interpreter = interpreter_of(_file_with_outputs(graph, readable))

    def run(self, sample: Sequence[np.ndarray]) -> Read:
        """Runs one sample, an array (1, ...) float32 per input."""
        for index, values in zip(self.graph.inputs, sample, strict=True):
            self._interpreter.set_tensor(index, steps_of(self.graph.tensors[index], values))
        self._interpreter.invoke()
        return self._read

    def _read(self, index: int) -> np.ndarray:
        return real_values(self.graph.tensors[index], self._interpreter.get_tensor(index))


def sample_of(graph: Graph, values: np.ndarray) -> tuple[np.ndarray, ...]:
    """One of the samples that calibration goes through, (...), as an array (1, ...) per input of the graph; several
    inputs lie in it end to end."""
    shapes = [graph.tensors[index].shape for index in graph.inputs]
    pieces = np.split(values.reshape(-1), np.cumsum([prod(shape) for shape in shapes])[:-1])
    return tuple(piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True))


def activations(graph: Graph) -> list[int]:
    """Tensors of real values that inputs and operators fill."""
    filled = [*graph.inputs, *(output for op in graph.ops for output in op.outputs)]
    return [index for index in filled if graph.tensors[index].dtype in (DType.FLOAT32, *_LIMITS)]


def interpreter_of(tflite: bytes) -> Any:
    """LiteRT on one thread: with XNNPACK where that takes the file, otherwise with its own kernels.

    Raises:
        ModelError: neither takes it.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolvers = (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    for resolver in resolvers:
        try:
            interpreter = Interpreter(model_content=tflite, num_threads=1, experimental_op_resolver_type=resolver)
            interpreter.allocate_tensors()
            return interpreter
        except (RuntimeError, ValueError) as problem:
            refusal = problem
    reason = str(refusal).strip().splitlines()[0][:300]
    raise ModelError(f"LiteRT refuses the file: {reason}", hint="report it with the model") from refusal


def _file_with_outputs(graph: Graph, outputs: Sequence[int]) -> bytes:
    made = tuple(index for index in dict.fromkeys(outputs) if index not in graph.inputs)
    return write_tflite(expressible(replace(graph, outputs=made)))


def steps_of(tensor: Tensor, values: np.ndarray) -> np.ndarray:
    """float32 values as a quantized activation holds them, in its type."""
    assert tensor.qparams is not None
    low, high = _LIMITS[tensor.dtype]
    steps = np.round(values / np.float32(tensor.qparams.scale[0])) + tensor.qparams.zero_point[0]
    clipped: np.ndarray = np.clip(steps, low, high).astype(str(tensor.dtype))
    return clipped


def real_values(tensor: Tensor, steps: np.ndarray) -> np.ndarray:
    """`(q - zero_point) * scale` as float32."""
    assert tensor.qparams is not None
    zero_point, scale = tensor.qparams.zero_point[0], np.float32(tensor.qparams.scale[0])
    real: np.ndarray = (steps.astype(np.float32) - zero_point) * scale
    return real
