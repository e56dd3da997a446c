"""A `.tflite` file becomes a `Graph` in normal form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from edgeprune.engine.tflite import detection
from edgeprune.engine.tflite.alike import ALIKE, rule_of
from edgeprune.engine.tflite.attributes import RULES
from edgeprune.engine.tflite.flatfile import BROKEN_HINT, FlatFile, broken_means_model_error
from edgeprune.engine.tflite.foreign import refuse_unknown
from edgeprune.engine.tflite.known import sequences, sums
from edgeprune.engine.tflite.known.control_flow import OPTIONS as CONTROL_OPTIONS
from edgeprune.engine.tflite.known.control_flow import RUNS
from edgeprune.engine.tflite.known.folding import FOLDS, folded
from edgeprune.engine.tflite.signs import with_positive_scales
from edgeprune.engine.tflite.source import Source
from edgeprune.engine.tflite.states import OPTIONS as STATE_OPTIONS
from edgeprune.engine.tflite.states import Key, States, handle, initial_value, key_of, with_true_states
from edgeprune.engine.tflite.subgraph import Subgraph, kind_name
from edgeprune.engine.tflite.tensors import read_buffers
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import Graph, Op, OpKind, Tensor
from edgeprune.ir.traits import TRAITS

_IDENTIFIER = b"TFL3"
_MOST_TENSORS = 1 << 17
_MOST_DEPTH = 8
_KNOWN = frozenset((*map(str, RULES), *ALIKE)) - STATE_OPTIONS.keys()
_WRITTEN_OUT = {
    detection.KIND: detection.detection_ops,
    sums.KIND: sums.sum_ops,
    sequences.KIND: sequences.reversing_ops,
}
_OPTIONS = {
    **{kind: fold.options for kind, fold in FOLDS.items()},
    **{kind: rule.options for kind, (_, rule) in ALIKE.items()},
    **{str(kind): rule.options for kind, rule in RULES.items()},
    **STATE_OPTIONS,
    **CONTROL_OPTIONS,
    **dict.fromkeys(_WRITTEN_OUT, ""),
    sequences.KIND: sequences.OPTIONS,
}
"""Kinds of operators that are read, and the class of their options."""


def read_tflite(data: bytes) -> Graph:
    """The first subgraph of a TensorFlow Lite flatbuffer, in the normal form of `edgeprune.ir`.

    Args:
        data: the whole file.

    Raises:
        UnsupportedOp: operators outside `OpKind`, all of them named with layer and position.
        ModelError: not a TensorFlow Lite model, damaged, or tensors that do not fit together.

    Source: the schema at https://github.com/tensorflow/tensorflow/tree/master/tensorflow/compiler/mlir/lite/schema
    """
    if len(data) < 16 or data[4:8] != _IDENTIFIER:
        raise ModelError(
            f"{len(data):,} bytes that are not a TensorFlow Lite model (no {_IDENTIFIER.decode()} at byte 4)",
            "give a .tflite file exported with full int8 quantization",
        )
    with broken_means_model_error("the file"):
        return _read(FlatFile(data))


def _read(file: FlatFile) -> Graph:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(file.data, 0)
    if model.SubgraphsLength() < 1:
        raise ModelError("the model has no graph", BROKEN_HINT)
    buffers = read_buffers(file, model)
    codes = [kind_name(schema, code) for code in file.tables(model.OperatorCodesLength(), model.OperatorCodes)]

    @cache
    def subgraph(index: int) -> Subgraph:
        if not 0 <= index < model.SubgraphsLength():
            raise ModelError(f"subgraph {index} of {model.SubgraphsLength()}", BROKEN_HINT)
        return Subgraph.of(file, schema, model.Subgraphs(index), codes, buffers, _OPTIONS)

    main = subgraph(0)
    reading = _Reading(subgraph, main, States(main.tensors))
    reading.take(main)
    inputs, outputs, ops = main.inputs, main.true(main.outputs), reading.ops
    graph = Graph(with_true_states(main.tensors, ops, inputs), tuple(ops), inputs, outputs)
    _check_flow(graph)
    return with_positive_scales(graph)


@dataclass
class _Reading:
    """The main subgraph while it is read, and what it runs of others in its place.

    Attributes:
        subgraph: of the file, by its number.
        main: whose tensors grow by those of others.
        ops: so far.
        depth: of subgraphs that run one another.
    """

    subgraph: Callable[[int], Subgraph]
    main: Subgraph
    states: States
    handles: dict[int, Key] = field(default_factory=dict)
    ops: list[Op] = field(default_factory=list)
    depth: int = 0

    def take(self, listed: Subgraph) -> None:
        """Adds a subgraph's operators."""
        refuse_unknown(listed.kinds, listed.names, _OPTIONS)
        for source, inputs, outputs in listed.operators():
            kind, tensors = source.kind, listed.tensors
            if kind == "CALL_ONCE":
                self.states.initial |= _initial_values(self.subgraph(source.options.InitSubgraphIndex()))
            elif kind in RUNS:
                results = RUNS[kind](source, inputs, self)
                if len(results) != len(outputs):
                    raise ModelError(f"{source.where}: {len(outputs)} outputs of {len(results)}", BROKEN_HINT)
                for output, result in zip(outputs, results, strict=True):
                    self._hand_over(source, result, tensors[output])
                listed.stands_for.update(zip(outputs, results, strict=True))
            elif kind in _WRITTEN_OUT:
                self.ops += _WRITTEN_OUT[kind](source, inputs, outputs, tensors)
            elif kind in STATE_OPTIONS:
                self.ops += _about_state(source, inputs, outputs, self.states, self.handles)
            elif (constants := folded(kind, source) if kind in FOLDS else None) is not None:
                for output, constant in zip(outputs, constants, strict=True):
                    tensors[output] = constant
            elif kind in _KNOWN:
                self.ops.append(_op(listed.settle(source, outputs), inputs, outputs))
            else:
                raise UnsupportedOp(
                    f"{source.where} reads what is computed while the model runs", "export the model with fixed shapes"
                )
            if len(tensors) > _MOST_TENSORS:
                raise UnsupportedOp(f"{source.where}: more than {_MOST_TENSORS:,} tensors with what it runs")

    def __call__(self, source: Source, subgraph: int, given: tuple[int, ...], name: str) -> tuple[int, ...]:
        """As `Inline`."""
        listed = self.subgraph(subgraph)
        if listed is self.main or self.depth == _MOST_DEPTH:
            raise ModelError(f"{source.where}: subgraphs that run one another without end", BROKEN_HINT)
        if len(given) != len(listed.inputs):
            raise ModelError(f"{source.where}: {len(given)} inputs for {len(listed.inputs)}", BROKEN_HINT)
        if any(tensor.is_variable for tensor in listed.tensors):
            raise UnsupportedOp(f"{source.where}: what it runs keeps a state", "keep states in the main graph")
        for outer, own in zip(given, listed.inputs, strict=True):
            self._hand_over(source, outer, listed.tensors[own])
        inside = listed.inside(self.main, given, name)
        self.depth += 1
        self.take(inside)
        self.depth -= 1
        return inside.true(inside.outputs)

    def _hand_over(self, source: Source, index: int, to: Tensor) -> None:
        """Bytes go from one tensor to another that stands for them."""
        if index < 0:
            raise ModelError(f"{source.where}: an input is missing", BROKEN_HINT)
        tensor = self.main.tensors[index]
        if (tensor.dtype, tensor.qparams) != (to.dtype, to.qparams):
            raise UnsupportedOp(
                f"{source.where}: {tensor.name!r} and {to.name!r}, which hold the same bytes, differ in type or scale",
                "convert the model again",
            )

    def tensor(self, index: int) -> Tensor:
        return self.main.tensors[index]

    def operators(self) -> int:
        return len(self.ops)


def _op(source: Source, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> Op:
    kind, rule = rule_of(source.kind)
    attrs = rule.read(source)
    several = TRAITS[kind].is_split or kind is OpKind.TOPK_V2
    if not outputs or (len(outputs) > 1 and not several):
        raise ModelError(f"{source.where}: it has {len(outputs)} outputs", BROKEN_HINT)
    if rule.inputs is not None:
        inputs = tuple(inputs[index] if index < len(inputs) else -1 for index in rule.inputs)
    while inputs and inputs[-1] < 0:
        inputs = inputs[:-1]
    required = inputs[: rule.required]
    if len(required) < rule.required or min(required) < 0:
        raise ModelError(f"{source.where}: {rule.required} inputs are needed", BROKEN_HINT)
    return Op(kind, source.name, inputs, outputs, attrs)


def _about_state(
    source: Source, inputs: tuple[int, ...], outputs: tuple[int, ...], states: States, handles: dict[int, Key]
) -> list[Op]:
    """What VAR_HANDLE, READ_VARIABLE and ASSIGN_VARIABLE become."""
    if len(inputs) < {"READ_VARIABLE": 1, "ASSIGN_VARIABLE": 2}.get(source.kind, 0):
        raise ModelError(f"{source.where}: an input is missing", BROKEN_HINT)
    if source.kind == "VAR_HANDLE":
        handles.update(dict.fromkeys(outputs, key_of(source)))
        return []
    key = handle(source, handles, inputs[0])
    if source.kind == "READ_VARIABLE":
        return [states.read(source, key, output) for output in outputs[:1]]
    source.input(1)
    return [states.assign(source, key, inputs[1])]


def _initial_values(listed: Subgraph) -> dict[Key, np.ndarray]:
    """What a subgraph of CALL_ONCE assigns."""
    handles: dict[int, Key] = {}
    values: dict[Key, np.ndarray] = {}
    for source, inputs, outputs in listed.operators():
        if source.kind == "VAR_HANDLE":
            handles.update(dict.fromkeys(outputs, key_of(source)))
        elif source.kind == "ASSIGN_VARIABLE" and inputs:
            values[handle(source, handles, inputs[0])] = initial_value(source)
        elif (constants := folded(source.kind, source) if source.kind in FOLDS else None) is not None:
            for output, constant in zip(outputs, constants, strict=True):
                listed.tensors[output] = constant
        else:
            raise UnsupportedOp(f"{source.where}: computed before the first inference", "begin variables as constants")
    return values


def _check_flow(graph: Graph) -> None:
    """Every op reads what exists by then, writes what no other op writes, and nothing is empty."""
    count = len(graph.tensors)
    if any(not 0 <= index < count for index in (*graph.inputs, *graph.outputs)):
        raise ModelError(f"graph inputs {graph.inputs}, outputs {graph.outputs} of {count} tensors", BROKEN_HINT)
    if not graph.outputs or len(set(graph.inputs)) != len(graph.inputs):
        raise ModelError(f"graph inputs {graph.inputs}, outputs {graph.outputs}", BROKEN_HINT)
    known = set(graph.inputs) | {i for i, t in enumerate(graph.tensors) if t.is_constant or t.is_variable}
    if any(graph.tensors[index].is_constant for index in graph.inputs):
        raise ModelError("a graph input is a constant", BROKEN_HINT)
    for op in graph.ops:
        for index in op.inputs:
            if index >= 0 and index not in known:
                raise ModelError(f"{op.kind} {op.name!r} reads {graph.tensors[index].name!r} before it exists")
        for index in op.outputs:
            if index in known and not graph.tensors[index].is_variable:
                raise ModelError(f"{op.kind} {op.name!r} writes {graph.tensors[index].name!r}, which exists already")
            known.add(index)
        empty = [
            graph.tensors[i].name for i in (*op.inputs, *op.outputs) if i >= 0 and not graph.tensors[i].element_count
        ]
        if empty:
            raise ModelError(f"{op.kind} {op.name!r}: tensor {empty[0]!r} has no elements")
    for index in graph.outputs:
        if index not in known:
            raise ModelError(f"nothing writes the output {graph.tensors[index].name!r}", BROKEN_HINT)
        if graph.tensors[index].is_constant:
            raise ModelError(f"the output {graph.tensors[index].name!r} is a constant", "no inference is needed for it")
