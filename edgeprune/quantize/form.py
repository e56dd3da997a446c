"""The form a float graph takes when it is quantized: which tensors share a scale, and where one has to change.

It depends on operators and shapes alone, so the graph predicted before any training and the exported one have it in
common; only the scales' values come from data (`quantized.py`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from edgeprune.ir import (
    INDEX_QPARAMS,
    READS_INDICES,
    DType,
    Graph,
    L2NormalizationAttrs,
    Op,
    OpKind,
    QParams,
    int16_indices,
    never_negative,
)
from edgeprune.quantize.repeats import repeated_tensors
from edgeprune.quantize.specification import Output, rule_of


@dataclass(frozen=True, eq=False)
class Form:
    """A float graph ready to be quantized.

    Attributes:
        graph: float; QUANTIZE operators stand where one scale becomes another.
        scale_of: activation or shared constant -> the tensor whose scale it has, itself where it has its own.
        fixed: tensors with a scale of their own that the specification sets.
        dtype_of: type of every activation and shared constant.
        origin: tensor that holds in another type what another tensor holds -> that one.
    """

    graph: Graph
    scale_of: Mapping[int, int]
    fixed: Mapping[int, QParams]
    dtype_of: Mapping[int, DType]
    origin: Mapping[int, int]

    def sharing(self) -> dict[int, list[int]]:
        """Tensor with a scale of its own -> all that have it, itself included."""
        found: dict[int, list[int]] = {}
        for tensor, owner in self.scale_of.items():
            found.setdefault(owner, []).append(tensor)
        return found


def quantized_form(graph: Graph, dtype: DType = DType.INT8, int16: Container[str] = ()) -> Form:
    """Args:
    graph: float, in normal form; constants may be without data.
    dtype: of the activations; indices that int8 does not tell apart are int16 in any case.
    int16: names of operators that read and make int16 all the same; a QUANTIZE stands where types meet.
    """
    return _Former(graph, dtype, int16).form()


def never_negative_scales(form: Form) -> set[int]:
    """Scales whose activations are all zero or more; constants that share one have no say in it."""
    known, found = never_negative(form.graph), set[int]()
    for owner, members in form.sharing().items():
        activations = [index for index in members if not form.graph.tensors[index].is_constant]
        if activations and known.issuperset(activations):
            found.add(owner)
    return found


class _Former:
    """Joins tensors that must have one scale; where two scales that are set meet, a QUANTIZE goes between."""

    def __init__(self, graph: Graph, dtype: DType, int16: Container[str]):
        self._graph, self._dtype, self._int16 = graph, dtype, int16
        self._typed: dict[tuple[int, DType], int] = {}  # a tensor of the float graph, in a type
        self._dtype_of: dict[int, DType] = {}
        self._origin: dict[int, int] = {}
        self._tensors = list(graph.tensors)
        self._ops: list[Op] = []
        self._parent: dict[int, int] = {}
        self._fixed: dict[int, QParams] = {}
        self._indices = int16_indices(graph)

    def form(self) -> Form:
        for index in self._graph.inputs:
            self._parent[index] = index
            self._holds(index, index, DType.INT16 if index in self._indices else self._dtype)
        for op in self._graph.ops:
            self._add(self._in_its_type(op))
            self._fix_indices(op)
        for index in self._graph.outputs:
            self._as_type(index, self._dtype)
        self._tie()
        scale_of = {index: self._owner(index) for index in self._parent}
        made = replace(self._graph, tensors=tuple(self._tensors), ops=tuple(self._ops))
        fixed = {owner: qparams for owner, qparams in self._fixed.items()}
        return Form(made, scale_of, fixed, {**self._dtype_of}, {**self._origin})

    def _in_its_type(self, op: Op) -> Op:
        """The operator on tensors of the type it computes in; outputs of the other type are tensors of their own."""
        dtype = DType.INT16 if op.name in self._int16 or self._makes_indices(op) else self._dtype
        looked_up = op.inputs[:1] if self._reads_indices(op) else ()
        read = {
            index: self._as_type(index, DType.INT16 if index in looked_up else dtype) for index in self._activations(op)
        }
        outputs = []
        for output in op.outputs:
            made = output if dtype is self._dtype else self._new(output, str(dtype))
            self._holds(output, made, dtype)
            outputs.append(made)
        return replace(op, inputs=tuple(read.get(index, index) for index in op.inputs), outputs=tuple(outputs))

    def _as_type(self, index: int, dtype: DType) -> int:
        """The tensor that holds it in this type, quantized anew where none does yet."""
        if (index, dtype) in self._typed:
            return self._typed[index, dtype]
        others = [held for (one, _), held in self._typed.items() if one == index]
        if self._tensors[index].is_constant:
            made = self._new(index, str(dtype)) if others else index
        elif not others:
            return index  # of integers, which have one type
        else:
            made = index if dtype is self._dtype and index not in self._graph.inputs else self._new(index, str(dtype))
            self._parent[made] = made
            self._ops.append(Op(OpKind.QUANTIZE, f"{self._tensors[made].name}.{dtype}", (others[0],), (made,)))
        self._holds(index, made, dtype)
        return made

    def _holds(self, index: int, made: int, dtype: DType) -> None:
        if self._tensors[index].dtype is DType.FLOAT32:
            self._typed[index, dtype] = made
            self._dtype_of[made] = dtype
            if made != index:
                self._origin[made] = index

    def _new(self, index: int, suffix: str) -> int:
        self._tensors.append(replace(self._tensors[index], name=f"{self._tensors[index].name}.{suffix}"))
        return len(self._tensors) - 1

    def _add(self, op: Op) -> None:
        rule = rule_of(op.kind)
        if op.kind is OpKind.L2_NORMALIZATION:
            op = replace(op, attrs=L2NormalizationAttrs())  # no integer kernel has an epsilon
        for index in self._activations(op):
            self._parent.setdefault(index, index)  # constants that an operator reads like activations
        if rule.picks_rows:
            self._fixed[self._owner(op.inputs[0])] = INDEX_QPARAMS[self._dtype_of.get(op.inputs[0], self._dtype)]
        for output in op.outputs:
            self._parent[output] = output
        if rule.output is Output.FIXED:
            assert rule.fixed is not None
            for output in op.outputs:
                self._fixed[output] = rule.fixed[self._dtype_of.get(output, self._dtype)]
        elif rule.output in (Output.INPUT, Output.ROWS):
            source = op.inputs[1 if rule.output is Output.ROWS else 0]
            for output in op.outputs:
                self._parent[output] = self._owner(source)
            if rule.constant_shares_scale:
                self._parent[op.inputs[1]] = self._owner(op.inputs[0])
        elif rule.output is Output.SHARED:
            op = self._shared(op)
        self._ops.append(op)

    def _fix_indices(self, op: Op) -> None:
        """What an operator of the float graph reads and makes, where that is int16 indices."""
        if self._makes_indices(op):
            for index in (*op.outputs, *self._activations(op)):
                self._fixed[self._owner(self._typed[index, DType.INT16])] = INDEX_QPARAMS[DType.INT16]
        elif self._reads_indices(op):
            self._fixed[self._owner(self._typed[op.inputs[0], DType.INT16])] = INDEX_QPARAMS[DType.INT16]

    def _makes_indices(self, op: Op) -> bool:
        return not self._indices.isdisjoint(op.outputs)

    def _reads_indices(self, op: Op) -> bool:
        """Whether it looks up int16 indices."""
        return op.kind in READS_INDICES and op.inputs[0] in self._indices

    def _tie(self) -> None:
        """One scale for what repeated steps read and make, so that they share constants; a layer with a copy of its own
        where it reads another scale all the same."""
        for group in repeated_tensors(self._graph):
            owners = list(dict.fromkeys(self._owner(index) for index in group if index in self._parent))
            free = [owner for owner in owners if owner not in self._fixed]
            for owner in free[1:]:
                self._parent[owner] = free[0]
        first: dict[int, tuple[int, int]] = {}
        for position, op in enumerate(self._ops):
            if op.traits.has_weights:
                reads = self._owner(op.inputs[0]), op.inputs[1]
                constants = [self._own(op, index, first.setdefault(index, reads) == reads) for index in op.inputs[1:]]
                self._ops[position] = replace(op, inputs=(op.inputs[0], *constants))

    def _own(self, op: Op, constant: int, fits: bool) -> int:
        """The constant, or a copy where another layer reads it beside another scale or other weights."""
        if fits or constant < 0:
            return constant
        held = self._tensors[constant]
        self._tensors.append(replace(held, name=f"{held.name}.of_{op.name}"))
        return len(self._tensors) - 1

    def _shared(self, op: Op) -> Op:
        """All inputs on the output's scale; one whose scale is set is quantized anew."""
        inputs = []
        for position, index in enumerate(op.inputs):
            if self._owner(index) in self._fixed and self._origin.get(op.outputs[0]) not in self._indices:
                index = self._quantized_anew(op, position, index)
            inputs.append(index)
            self._parent[self._owner(index)] = op.outputs[0]
        return replace(op, inputs=tuple(inputs))

    def _quantized_anew(self, op: Op, position: int, index: int) -> int:
        name = f"{op.name}.scaled_{position}"
        self._tensors.append(replace(self._tensors[index], name=name))
        made = len(self._tensors) - 1
        self._parent[made] = made
        self._dtype_of[made] = self._dtype_of.get(index, self._dtype)
        self._ops.append(Op(OpKind.QUANTIZE, name, (index,), (made,)))
        return made

    def _owner(self, index: int) -> int:
        while self._parent[index] != index:
            self._parent[index] = self._parent[self._parent[index]]
            index = self._parent[index]
        return index

    def _activations(self, op: Op) -> list[int]:
        """Inputs that are quantized like activations: all but weights, biases and integers."""
        held = op.inputs[:1] if op.traits.has_weights else op.inputs
        return [index for index in held if index >= 0 and self._tensors[index].dtype is DType.FLOAT32]
