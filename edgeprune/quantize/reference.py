"""LiteRT's reference kernels for every operator of the engine.

`BUILTIN_REF` has no ELU. Files with one are run in pieces: the ELU by LiteRT's other kernels, which tabulate it as our
engine does, all else by the reference ones. Variables that a file never begins are kept beside it
(`states_outside.py`).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from edgeprune.engine.tflite.read import read_tflite
from edgeprune.engine.tflite.strip import strip
from edgeprune.engine.tflite.subgraph import kind_name
from edgeprune.engine.tflite.write import write_tflite
from edgeprune.errors import ModelError
from edgeprune.ir import Graph, Op, OpKind
from edgeprune.quantize.states_outside import StatesOutside, reads_unassigned

_LACKING = frozenset({OpKind.ELU})
_REFUSAL = re.compile(r"builtin opcode '(\w+)' version '(\d+)'")
_MOST_VERSION = 16  # no operator has had as many
_VERSION_FIELD = 8  # of an OperatorCode, as its table of fields counts


def reference_interpreter(tflite: bytes) -> Any:
    """An interpreter, tensors allocated, or what answers like one.

    Raises:
        RuntimeError, ValueError: LiteRT refuses the file.
    """
    while True:
        try:
            if reads_unassigned(tflite, _interpreter):
                return StatesOutside(tflite, _interpreter)
            return _interpreter(tflite, "BUILTIN_REF")
        except (RuntimeError, ValueError) as refusal:
            older = _with_older_version(tflite, str(refusal))
            if older is None:
                return _InPieces(tflite) if _lacks_an_operator(tflite) else _without_bias_scales(tflite, refusal)
            tflite = older


def _with_older_version(tflite: bytes, refusal: str) -> bytes | None:
    """The file with one version less of the operator that LiteRT names; None where it names none, or its first.

    Converters write the version at which a runtime's fastest kernels took an operator's types: TensorFlow's
    DEPTH_TO_SPACE of int8 is version 2; the reference kernel, which has int8 too, is registered as version 1. No kernel
    asks for its own.

    Args:
        tflite: the whole file.
        refusal: LiteRT's message.
    """
    named = _REFUSAL.search(refusal)
    if named is None or not 2 <= int(named[2]) <= _MOST_VERSION:
        return None
    from ai_edge_litert import schema_py_generated as schema

    model, changed = schema.Model.GetRootAs(tflite, 0), bytearray(tflite)
    for index in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(index)
        if kind_name(schema, code) == named[1] and code.Version() == int(named[2]):
            place = code._tab.Pos + code._tab.Offset(_VERSION_FIELD)
            struct.pack_into("<i", changed, place, int(named[2]) - 1)
    return bytes(changed) if changed != tflite else None


def _without_bias_scales(tflite: bytes, refusal: Exception) -> Any:
    """Newer LiteRT refuses biases that state the axis of their weights, as converters wrote them: nothing reads it."""
    try:
        return _interpreter(strip(tflite), "BUILTIN_REF")
    except (RuntimeError, ValueError, ModelError):
        raise refusal from None


def _lacks_an_operator(tflite: bytes) -> bool:
    try:
        return any(op.kind in _LACKING for op in read_tflite(tflite).ops)
    except ModelError:
        return False  # of a file that is broken


def _interpreter(tflite: bytes, resolver: str) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kind = getattr(OpResolverType, resolver)
    made = Interpreter(model_content=tflite, experimental_op_resolver_type=kind, num_threads=1)
    made.allocate_tensors()
    return made


class _InPieces:
    """Answers what `Interpreter` does of the methods that are used: ends, set, invoke, get."""

    def __init__(self, tflite: bytes):
        graph = read_tflite(tflite)
        whole = _interpreter(tflite, "BUILTIN_WITHOUT_DEFAULT_DELEGATES")
        self.get_input_details, self.get_output_details = whole.get_input_details, whole.get_output_details
        self._values: dict[int, np.ndarray] = {}
        self._pieces: list[tuple[Graph, Any]] = []
        for piece in _pieces(graph):
            lacking = piece.ops[0].kind in _LACKING
            resolver = "BUILTIN_WITHOUT_DEFAULT_DELEGATES" if lacking else "BUILTIN_REF"
            self._pieces.append((piece, _interpreter(write_tflite(piece), resolver)))

    def set_tensor(self, index: int, values: np.ndarray) -> None:
        self._values[index] = values

    def invoke(self) -> None:
        for piece, interpreter in self._pieces:
            for index in piece.inputs:
                interpreter.set_tensor(index, self._values[index])
            interpreter.invoke()
            for index in piece.outputs:
                self._values[index] = interpreter.get_tensor(index)

    def get_tensor(self, index: int) -> np.ndarray:
        return self._values[index]


def _pieces(graph: Graph) -> list[Graph]:
    """The graph cut around the operators that the reference kernels lack; tensors keep their indices."""
    runs: list[list[Op]] = []
    for op in graph.ops:
        if not runs or (runs[-1][0].kind in _LACKING) != (op.kind in _LACKING):
            runs.append([])
        runs[-1].append(op)
    found = []
    for position, run in enumerate(runs):
        made = {output for op in run for output in op.outputs}
        later = _read(op for other in runs[position + 1 :] for op in other) | set(graph.outputs)
        inputs = tuple(sorted(index for index in _read(run) - made if _is_activation(graph, index)))
        found.append(replace(graph, ops=tuple(run), inputs=inputs, outputs=tuple(sorted(made & later))))
    return found


def _read(ops: Iterable[Op]) -> set[int]:
    return {index for op in ops for index in op.inputs if index >= 0}


def _is_activation(graph: Graph, index: int) -> bool:
    return not (graph.tensors[index].is_constant or graph.tensors[index].is_variable)
