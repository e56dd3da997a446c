"""Files whose resource variables are read before anything is assigned to them.

TensorFlow Lite Micro begins them as zero, LiteRT gives an error. Here the variables become inputs and outputs of the
file, and their values are carried from one inference to the next beside it: the arithmetic stays LiteRT's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from edgeprune.engine.graph.edit import edited
from edgeprune.engine.tflite.read import read_tflite
from edgeprune.engine.tflite.write import write_tflite
from edgeprune.errors import ModelError
from edgeprune.ir import Graph, OpKind

Interpreting = Callable[[bytes, str], Any]
"""Makes an interpreter of a file and the name of a resolver."""


def reads_unassigned(tflite: bytes, interpreter: Interpreting) -> bool:
    """Whether the file has variables and its first inference fails."""
    if not _has_variables(tflite):
        return False
    try:
        interpreter(tflite, "BUILTIN_REF").invoke()
    except RuntimeError:
        return True
    return False


def _has_variables(tflite: bytes) -> bool:
    try:
        return any(op.kind is OpKind.READ_VARIABLE for op in read_tflite(tflite).ops)
    except ModelError:
        return False


class StatesOutside:
    """Answers what `Interpreter` does of the methods that are used: ends, set, invoke, get."""

    def __init__(self, tflite: bytes, interpreter: Interpreting):
        whole = interpreter(tflite, "BUILTIN_REF")
        self.get_input_details, self.get_output_details = whole.get_input_details, whole.get_output_details
        graph = read_tflite(tflite)
        opened, self._becomes = _opened(graph)
        self._inner = interpreter(write_tflite(opened), "BUILTIN_REF")
        self._graph = opened
        self._states = {state: graph.tensors[state].initial for state in self._becomes}
        self._values: dict[int, np.ndarray] = {}

    def set_tensor(self, index: int, values: np.ndarray) -> None:
        self._values[index] = values
        self._inner.set_tensor(index, values)

    def invoke(self) -> None:
        for state, values in self._states.items():
            self._inner.set_tensor(state, values)
        before = dict(self._states) | self._values
        self._inner.invoke()
        for state, tensor in self._becomes.items():
            known = self._graph.tensors[tensor].data if self._graph.tensors[tensor].is_constant else before.get(tensor)
            values = self._inner.get_tensor(tensor) if known is None else known
            self._states[state] = np.array(values).reshape(self._graph.tensors[state].shape)

    def get_tensor(self, index: int) -> np.ndarray:
        return np.asarray(self._inner.get_tensor(index))


def _opened(graph: Graph) -> tuple[Graph, dict[int, int]]:
    """The graph with its states as inputs, and which tensor each state becomes: an output, an input or a constant."""
    current = {tensor: tensor for tensor in graph.states}
    dropped, uses = [], {}
    for index, op in enumerate(graph.ops):
        if op.kind is OpKind.READ_VARIABLE:
            dropped.append(index)
            uses[op.outputs[0]] = current[op.inputs[0]]
        elif op.kind is OpKind.ASSIGN_VARIABLE:
            dropped.append(index)
            current[op.outputs[0]] = uses.get(op.inputs[0], op.inputs[0])
    plain = tuple(
        replace(tensor, is_variable=False, initial=None) if index in current else tensor
        for index, tensor in enumerate(graph.tensors)
    )
    opened = edited(graph.with_tensors(plain), dropped, uses)
    made = {output for op in opened.ops for output in op.outputs}
    new = tuple(tensor for tensor in dict.fromkeys(current.values()) if tensor in made and tensor not in graph.outputs)
    return replace(opened, inputs=(*graph.inputs, *current), outputs=(*graph.outputs, *new)), current
