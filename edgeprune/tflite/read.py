"""A `.tflite` file becomes a `Graph` in normal form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import Graph, Op, OpKind, Tensor
from edgeprune.tflite.attributes import RULES, Source
from edgeprune.tflite.flatfile import BROKEN_HINT, FlatFile, broken_means_model_error
from edgeprune.tflite.tensors import read_buffers, read_tensor

_IDENTIFIER = b"TFL3"
_SHOWN_OPS = 8


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
    tensors = _read_tensors(file, subgraph, buffers)
    codes = list(file.tables(model.OperatorCodesLength(), model.OperatorCodes))
    operators = list(file.tables(subgraph.OperatorsLength(), subgraph.Operators))

    known = [_kind_name(schema, code) for code in codes]
    kinds = [_at(known, operator.OpcodeIndex()) for operator in operators]
    ends = [_tensor_indices(file, operator, tensors) for operator in operators]
    names = _layer_names(kinds, ends, tensors)
    _refuse_unknown(kinds, names)

    ops = []
    for position, operator in enumerate(operators):
        kind, (inputs, outputs) = OpKind(kinds[position]), ends[position]
        source = Source(
            where=f"{kind} {names[position]!r} (op {position} of {len(operators)})",
            options=_options(schema, operator, RULES[kind].options),
            inputs=tuple(tensors[index] if index >= 0 else None for index in inputs),
            outputs=tuple(tensors[index] for index in outputs),
            intermediates=file.ints(operator.IntermediatesAsNumpy()),
        )
        if RULES[kind].options and source.options is None:
            raise ModelError(f"{source.where}: its {RULES[kind].options} are missing", BROKEN_HINT)
        attrs = RULES[kind].read(source)
        kept = RULES[kind].inputs
        if kept is not None:
            inputs = tuple(inputs[index] if index < len(inputs) else -1 for index in kept)
        while inputs and inputs[-1] < 0:
            inputs = inputs[:-1]
        required = inputs[: RULES[kind].required]
        if len(required) < RULES[kind].required or min(required) < 0:
            raise ModelError(f"{source.where}: {RULES[kind].required} inputs are needed", BROKEN_HINT)
        ops.append(Op(kind, names[position], inputs, outputs, attrs))
    graph_inputs, graph_outputs = file.ints(subgraph.InputsAsNumpy()), file.ints(subgraph.OutputsAsNumpy())
    graph = Graph(tuple(tensors), tuple(ops), graph_inputs, graph_outputs)
    _check_flow(graph)
    return graph


def _read_tensors(file: FlatFile, subgraph: Any, buffers: list[Any]) -> list[Tensor]:
    sources = list(file.tables(subgraph.TensorsLength(), subgraph.Tensors))
    names = _unique(file.text(source.Name()) or f"tensor_{index}" for index, source in enumerate(sources))
    return [read_tensor(file, source, name, buffers) for source, name in zip(sources, names, strict=True)]


def _kind_name(schema: Any, code: Any) -> str:
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    if number == schema.BuiltinOperator.CUSTOM:
        return f"CUSTOM {(code.CustomCode() or b'?').decode('utf-8', 'replace')[:40]}"
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
    if not outputs:
        raise ModelError("an operator without output", BROKEN_HINT)
    return inputs, outputs


def _layer_names(
    kinds: list[str], ends: list[tuple[tuple[int, ...], tuple[int, ...]]], tensors: list[Tensor]
) -> list[str]:
    """Each op is called after what it writes; TensorFlow joins the names it fused with ';', the first says enough."""
    return _unique(
        next((part for part in tensors[outputs[0]].name.split(";") if part), kind)
        for kind, (_, outputs) in zip(kinds, ends, strict=True)
    )


def _unique(names: Iterable[str]) -> list[str]:
    taken: dict[str, int] = {}
    found: list[str] = []
    for name in names:
        unique = name
        while unique in taken:
            taken[name] += 1
            unique = f"{name}_{taken[name]}"
        taken[unique] = 1
        found.append(unique)
    return found


def _refuse_unknown(kinds: list[str], names: list[str]) -> None:
    known = {str(kind) for kind in OpKind}
    foreign = [
        f"{kind} {name!r} (op {i} of {len(kinds)})"
        for i, (kind, name) in enumerate(zip(kinds, names, strict=True))
        if kind not in known
    ]
    if foreign:
        more = f" and {len(foreign) - _SHOWN_OPS} more" if len(foreign) > _SHOWN_OPS else ""
        raise UnsupportedOp(
            f"{len(foreign)} of {len(kinds)} operators are outside the engine's set: "
            + ", ".join(foreign[:_SHOWN_OPS])
            + more,
            "replace these layers in the model, or keep them on the host",
        )


def _options(schema: Any, operator: Any, name: str) -> Any:
    """The operator's options as the generated class `name`; None where it has none or another's."""
    if not name or operator.BuiltinOptionsType() != getattr(schema.BuiltinOptions, name):
        return None
    table = operator.BuiltinOptions()
    if table is None:
        return None
    options = getattr(schema, name)()
    options.Init(table.Bytes, table.Pos)
    return options


def _check_flow(graph: Graph) -> None:
    """Every op reads what exists by then, writes what nobody else writes, and nothing is empty."""
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
            if index in known:
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
