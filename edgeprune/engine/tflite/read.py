"""A `.tflite` file becomes a `Graph` in normal form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgeprune.engine.tflite import detection
from edgeprune.engine.tflite.alike import ALIKE, rule_of
from edgeprune.engine.tflite.attributes import RULES
from edgeprune.engine.tflite.flatfile import BROKEN_HINT, FlatFile, broken_means_model_error, read_once
from edgeprune.engine.tflite.foreign import CUSTOM, refuse_unknown
from edgeprune.engine.tflite.known import sums
from edgeprune.engine.tflite.known.folding import FOLDS, folded
from edgeprune.engine.tflite.known.shapes import left_open, settled
from edgeprune.engine.tflite.signs import with_positive_scales
from edgeprune.engine.tflite.source import Source
from edgeprune.engine.tflite.states import OPTIONS as STATE_OPTIONS
from edgeprune.engine.tflite.states import Key, States, handle, initial_value, key_of, with_true_states
from edgeprune.engine.tflite.tensors import of_shape, read_buffers, read_tensor
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import Graph, Op, OpKind, Tensor
from edgeprune.ir.traits import TRAITS

_IDENTIFIER = b"TFL3"
_KNOWN = frozenset((*map(str, RULES), *ALIKE)) - STATE_OPTIONS.keys()
_WRITTEN_OUT = {detection.KIND: detection.detection_ops, sums.KIND: sums.sum_ops}
_OPTIONS = {
    **{kind: fold.options for kind, fold in FOLDS.items()},
    **{kind: rule.options for kind, (_, rule) in ALIKE.items()},
    **{str(kind): rule.options for kind, rule in RULES.items()},
    **STATE_OPTIONS,
    **dict.fromkeys(_WRITTEN_OUT, ""),
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
    subgraph = model.Subgraphs(0)
    buffers = read_buffers(file, model)
    codes = list(file.tables(model.OperatorCodesLength(), model.OperatorCodes))
    kinds = [_kind_name(schema, code) for code in codes]
    listed = _Listed.of(file, schema, subgraph, kinds, buffers)
    refuse_unknown(listed.kinds, listed.names, _OPTIONS)
    states, handles = States(listed.tensors), dict[int, Key]()
    ops = []
    for source, inputs, outputs in listed.operators():
        name = source.kind
        if name == "CALL_ONCE":
            first = _subgraph(model, source.options.InitSubgraphIndex())
            states.initial |= _initial_values(_Listed.of(file, schema, first, kinds, buffers))
        elif name in _WRITTEN_OUT:
            ops += _WRITTEN_OUT[name](source, inputs, outputs, listed.tensors)
        elif name in STATE_OPTIONS:
            ops += _about_state(source, inputs, outputs, states, handles)
        elif (constant := folded(name, source) if name in FOLDS else None) is not None:
            listed.tensors[outputs[0]] = constant
        elif name in _KNOWN:
            ops.append(_op(listed.settle(source, outputs), inputs, outputs))
        else:
            raise UnsupportedOp(
                f"{source.where} reads what is computed while the model runs", "export the model with fixed shapes"
            )
    graph_inputs, graph_outputs = file.ints(subgraph.InputsAsNumpy()), file.ints(subgraph.OutputsAsNumpy())
    graph = Graph(with_true_states(listed.tensors, ops, graph_inputs), tuple(ops), graph_inputs, graph_outputs)
    _check_flow(graph)
    return with_positive_scales(graph)


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


def _initial_values(listed: _Listed) -> dict[Key, np.ndarray]:
    """What a subgraph of CALL_ONCE assigns."""
    handles: dict[int, Key] = {}
    values: dict[Key, np.ndarray] = {}
    for source, inputs, outputs in listed.operators():
        if source.kind == "VAR_HANDLE":
            handles.update(dict.fromkeys(outputs, key_of(source)))
        elif source.kind == "ASSIGN_VARIABLE" and inputs:
            values[handle(source, handles, inputs[0])] = initial_value(source)
        elif (constant := folded(source.kind, source) if source.kind in FOLDS else None) is not None:
            listed.tensors[outputs[0]] = constant
        else:
            raise UnsupportedOp(f"{source.where}: computed before the first inference", "begin variables as constants")
    return values


def _subgraph(model: Any, index: int) -> Any:
    if not 0 <= index < model.SubgraphsLength():
        raise ModelError(f"subgraph {index} of {model.SubgraphsLength()}", BROKEN_HINT)
    return model.Subgraphs(index)


@dataclass
class _Listed:
    """A subgraph's operators as they stand in the file.

    Attributes:
        tensors: filled with constants as they are worked out.
        ends: (inputs, outputs) of each operator, indices into `tensors`.
        open: tensors with sizes that the file leaves open.
    """

    file: FlatFile
    schema: Any
    sources: list[Any]
    tensors: list[Tensor]
    kinds: list[str]
    ends: list[tuple[tuple[int, ...], tuple[int, ...]]]
    names: list[str]
    open: frozenset[int]

    @staticmethod
    def of(file: FlatFile, schema: Any, subgraph: Any, codes: list[str], buffers: list[Any]) -> _Listed:
        tensors = _read_tensors(file, subgraph, buffers)
        sources = list(file.tables(subgraph.OperatorsLength(), subgraph.Operators))
        kinds = [_at(codes, operator.OpcodeIndex()) for operator in sources]
        ends = [_tensor_indices(file, operator, tensors) for operator in sources]
        names = _layer_names(kinds, ends, tensors)
        return _Listed(file, schema, sources, tensors, kinds, ends, names, left_open(file, subgraph))

    def settle(self, source: Source, outputs: tuple[int, ...]) -> Source:
        """The operator with the sizes of outputs that the file leaves open."""
        shape = settled(source) if self.open.intersection(outputs) else None
        if shape is None:
            return source
        for index in self.open.intersection(outputs):
            self.tensors[index] = of_shape(source.where, self.tensors[index], shape)
        return replace(source, outputs=tuple(self.tensors[index] for index in outputs))

    def operators(self) -> Iterator[tuple[Source, tuple[int, ...], tuple[int, ...]]]:
        """One after the other, each seeing the constants that those before it gave."""
        for position, (operator, kind, (inputs, outputs)) in enumerate(
            zip(self.sources, self.kinds, self.ends, strict=True)
        ):
            options = _OPTIONS.get(kind, "")
            source = Source(
                kind=kind,
                name=self.names[position],
                where=f"{kind} {self.names[position]!r} (op {position} of {len(self.sources)})",
                options=_options(self.schema, operator, options),
                inputs=tuple(self.tensors[index] if index >= 0 else None for index in inputs),
                outputs=tuple(self.tensors[index] for index in outputs),
                intermediates=self.file.ints(operator.IntermediatesAsNumpy()),
                custom_options=self.file.array(operator.CustomOptionsAsNumpy()).tobytes(),
            )
            if options and source.options is None:
                raise ModelError(f"{source.where}: its {options} are missing", BROKEN_HINT)
            yield source, inputs, outputs


def _read_tensors(file: FlatFile, subgraph: Any, buffers: list[Any]) -> list[Tensor]:
    sources = list(file.tables(subgraph.TensorsLength(), subgraph.Tensors))
    names = _unique(file.text(source.Name()) or f"tensor_{index}" for index, source in enumerate(sources))
    return [read_tensor(file, source, name, buffers) for source, name in zip(sources, names, strict=True)]


def _kind_name(schema: Any, code: Any) -> str:
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    if number == schema.BuiltinOperator.CUSTOM:
        return f"{CUSTOM}{(code.CustomCode() or b'?').decode('utf-8', 'replace')[:40]}"
    names = {value: str(name) for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    return names.get(number) or f"operator number {number}"


def _at(kinds: list[str], index: int) -> str:
    if not 0 <= index < len(kinds):
        raise ModelError(f"operator code {index} of {len(kinds)}", BROKEN_HINT)
    return kinds[index]


def _tensor_indices(file: FlatFile, operator: Any, tensors: list[Tensor]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    inputs, outputs = file.ints(operator.InputsAsNumpy()), file.ints(operator.OutputsAsNumpy())
    maybe = (*inputs, *file.ints(operator.IntermediatesAsNumpy()))
    if not all(-1 <= index < len(tensors) for index in maybe) or not all(0 <= i < len(tensors) for i in outputs):
        raise ModelError(f"an operator refers to tensors {inputs} -> {outputs} of {len(tensors)}", BROKEN_HINT)
    return inputs, outputs


def _layer_names(
    kinds: list[str], ends: list[tuple[tuple[int, ...], tuple[int, ...]]], tensors: list[Tensor]
) -> list[str]:
    """Each op is called after what it writes; TensorFlow joins the names it fused with ';', the first is enough."""
    return _unique(
        next((part for output in outputs[:1] for part in tensors[output].name.split(";") if part), kind)
        for kind, (_, outputs) in zip(kinds, ends, strict=True)
    )


def _unique(names: Iterable[str]) -> list[str]:
    taken: dict[str, int] = {}
    unique_names: list[str] = []
    for name in names:
        unique = name
        while unique in taken:
            taken[name] += 1
            unique = f"{name}_{taken[name]}"
        taken[unique] = 1
        unique_names.append(unique)
    return unique_names


def _options(schema: Any, operator: Any, name: str) -> Any:
    """The operator's options as the generated class `name`; None where it has none or another's."""
    if not name or operator.BuiltinOptionsType() != getattr(schema.BuiltinOptions, name):
        return None
    table = operator.BuiltinOptions()
    if table is None:
        return None
    options = getattr(schema, name)()
    options.Init(table.Bytes, table.Pos)
    return read_once(options)


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
