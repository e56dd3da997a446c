"""The operators of one subgraph of a `.tflite` file as they stand there, each with the tensors it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edgeprune.engine.tflite.flatfile import BROKEN_HINT, FlatFile, read_once
from edgeprune.engine.tflite.foreign import CUSTOM
from edgeprune.engine.tflite.known.shapes import left_open, settled
from edgeprune.engine.tflite.source import Source
from edgeprune.engine.tflite.tensors import of_shape, read_tensor
from edgeprune.errors import ModelError
from edgeprune.ir import Tensor

Indices = tuple[int, ...]

_MAY_LACK_OPTIONS = ("SQUEEZE",)  # every axis of one element goes, then


@dataclass
class Subgraph:
    """A subgraph's operators as they stand in the file.

    Attributes:
        sources, kinds, names: of the operators.
        tensors: filled with constants as they are worked out.
        ends: inputs, outputs and intermediate tensors of each operator, indices into `tensors`.
        inputs, outputs: of the subgraph.
        open: tensors with sizes that the file leaves open.
        stands_for: tensors that another stands for, which was worked out elsewhere.
        options: class of the options of each kind of operator that is read.
    """

    file: FlatFile
    schema: Any
    sources: list[Any]
    tensors: list[Tensor]
    kinds: list[str]
    ends: list[tuple[Indices, Indices, Indices]]
    names: list[str]
    inputs: Indices
    outputs: Indices
    open: frozenset[int]
    options: Mapping[str, str]
    stands_for: dict[int, int] = field(default_factory=dict)

    @staticmethod
    def of(
        file: FlatFile,
        schema: Any,
        subgraph: Any,
        codes: Sequence[str],
        buffers: list[Any],
        options: Mapping[str, str],
    ) -> Subgraph:
        tensors = _read_tensors(file, subgraph, buffers)
        sources = list(file.tables(subgraph.OperatorsLength(), subgraph.Operators))
        kinds = [_at(codes, operator.OpcodeIndex()) for operator in sources]
        ends = [_tensor_indices(file, operator, tensors) for operator in sources]
        names = _layer_names(kinds, ends, tensors)
        inputs, outputs = file.ints(subgraph.InputsAsNumpy()), file.ints(subgraph.OutputsAsNumpy())
        if not all(0 <= index < len(tensors) for index in (*inputs, *outputs)):
            raise ModelError(f"graph inputs {inputs}, outputs {outputs} of {len(tensors)} tensors", BROKEN_HINT)
        opened = left_open(file, subgraph)
        return Subgraph(file, schema, sources, tensors, kinds, ends, names, inputs, outputs, opened, options)

    def inside(self, outer: Subgraph, given: Sequence[int], name: str) -> Subgraph:
        """The same operators over tensors of another subgraph, which gets this one's appended.

        Args:
            given: the outer tensors that stand for the inputs.
            name: in front of the names of operators and tensors.
        """
        places = {-1: -1} | {own: len(outer.tensors) + own for own in range(len(self.tensors))}
        outer.tensors += [replace(tensor, name=f"{name}/{tensor.name}") for tensor in self.tensors]
        places |= zip(self.inputs, given, strict=True)

        def moved(indices: Indices) -> Indices:
            return tuple(places[index] for index in indices)

        return replace(
            self,
            tensors=outer.tensors,
            ends=[(moved(inputs), moved(outputs), moved(between)) for inputs, outputs, between in self.ends],
            names=[f"{name}/{own}" for own in self.names],
            inputs=moved(self.inputs),
            outputs=moved(self.outputs),
            open=frozenset(moved(tuple(self.open))),
            stands_for=outer.stands_for,
        )

    def true(self, indices: Indices) -> Indices:
        """With what stands for tensors in their place."""
        return tuple(self.stands_for.get(index, index) for index in indices)

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
        for position, (operator, kind, (read, outputs, between)) in enumerate(
            zip(self.sources, self.kinds, self.ends, strict=True)
        ):
            inputs, options = self.true(read), self.options.get(kind, "")
            source = Source(
                kind=kind,
                name=self.names[position],
                where=f"{kind} {self.names[position]!r} (op {position} of {len(self.sources)})",
                options=_options(self.schema, operator, options),
                inputs=tuple(self.tensors[index] if index >= 0 else None for index in inputs),
                outputs=tuple(self.tensors[index] for index in outputs),
                intermediates=between,
                custom_options=self.file.array(operator.CustomOptionsAsNumpy()).tobytes(),
            )
            if options and source.options is None and kind not in _MAY_LACK_OPTIONS:
                raise ModelError(f"{source.where}: its {options} are missing", BROKEN_HINT)
            yield source, inputs, outputs


def _read_tensors(file: FlatFile, subgraph: Any, buffers: list[Any]) -> list[Tensor]:
    sources = list(file.tables(subgraph.TensorsLength(), subgraph.Tensors))
    names = _unique(file.text(source.Name()) or f"tensor_{index}" for index, source in enumerate(sources))
    return [read_tensor(file, source, name, buffers) for source, name in zip(sources, names, strict=True)]


def kind_name(schema: Any, code: Any) -> str:
    """Of an operator code: as the schema calls it, a custom one by its own name."""
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    if number == schema.BuiltinOperator.CUSTOM:
        return f"{CUSTOM}{(code.CustomCode() or b'?').decode('utf-8', 'replace')[:40]}"
    names = {value: str(name) for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    return names.get(number) or f"operator number {number}"


def _at(kinds: Sequence[str], index: int) -> str:
    if not 0 <= index < len(kinds):
        raise ModelError(f"operator code {index} of {len(kinds)}", BROKEN_HINT)
    return kinds[index]


def _tensor_indices(file: FlatFile, operator: Any, tensors: list[Tensor]) -> tuple[Indices, Indices, Indices]:
    inputs, outputs = file.ints(operator.InputsAsNumpy()), file.ints(operator.OutputsAsNumpy())
    between = file.ints(operator.IntermediatesAsNumpy())
    maybe = (*inputs, *between)
    if not all(-1 <= index < len(tensors) for index in maybe) or not all(0 <= i < len(tensors) for i in outputs):
        raise ModelError(f"an operator refers to tensors {inputs} -> {outputs} of {len(tensors)}", BROKEN_HINT)
    return inputs, outputs, between


def _layer_names(kinds: list[str], ends: list[tuple[Indices, Indices, Indices]], tensors: list[Tensor]) -> list[str]:
    """Each op is called after what it writes; TensorFlow joins the names it fused with ';', the first is enough."""
    return _unique(
        next((part for output in outputs[:1] for part in tensors[output].name.split(";") if part), kind)
        for kind, (_, outputs, _) in zip(kinds, ends, strict=True)
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
