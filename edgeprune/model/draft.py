"""The graph under construction: recorded torch values become tensors, ATen calls become operators."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor as TorchTensor

from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import (
    NO_PAD,
    TRAITS,
    Attrs,
    DType,
    Graph,
    Op,
    OpKind,
    PadAttrs,
    Tensor,
    Traits,
    TransposeAttrs,
    fused_activation,
)
from edgeprune.ir import Activation as Fused
from edgeprune.model.fold import Fold
from edgeprune.model.layout import view_of
from edgeprune.model.recording import Call, Recording, Ref
from edgeprune.model.values import Activation, Constant, Formula, ParameterSlice, Values, channels_last
from edgeprune.model.ways_out import computed_constant


@dataclass
class DraftOp:
    kind: OpKind
    name: str
    inputs: list[int]
    outputs: tuple[int, ...]
    attrs: Attrs
    where: str
    folds: list[Fold] = field(default_factory=list)

    @property
    def traits(self) -> Traits:
        return TRAITS[self.kind]


@dataclass
class Draft:
    recording: Recording
    tensors: list[Tensor] = field(default_factory=list)
    ops: list[DraftOp] = field(default_factory=list)
    slices: dict[int, tuple[ParameterSlice, ...]] = field(default_factory=dict)
    computed: dict[int, str] = field(default_factory=dict)
    values: dict[int, Activation | Constant] = field(default_factory=dict)
    formulas: dict[int, Formula] = field(default_factory=dict)

    readers: dict[int, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names: Counter[str] = Counter()
        self._producer: dict[int, DraftOp] = {}
        self._arranged: dict[tuple[int, tuple[int, ...]], int] = {}  # (tensor, permutation) -> tensor
        self._absent = set[int]()  # biases of layers without one
        self._alias_of: dict[int, int] = {}
        self._view_of: dict[int, int] = {}
        self.uses: Counter[int] = Counter(self.recording.outputs)
        for call in self.recording.calls:
            self.uses.update(_refs(call.args))
            for value in _refs(call.args):
                self.readers.setdefault(value, set()).add(call.target)

    # Values

    def shape(self, value: int) -> tuple[int, ...]:
        """The torch shape of a recorded value."""
        return self.recording.shapes[value]

    def is_constant(self, value: int) -> bool:
        return isinstance(self.values[value], Constant)

    def constant(self, call: Call, name: str) -> Constant:
        value = self.values[call.tensor(name)]
        if not isinstance(value, Constant):
            raise UnsupportedOp(
                f"{call.target.removeprefix('aten.')} at {call.where} takes its {name} from another layer's output",
                hint=computed_constant(call.target.removeprefix("aten."), name),
            )
        return value

    def activation(self, value: int) -> Activation:
        """The value with any pending padding applied."""
        held = self.values[value]
        assert isinstance(held, Activation)
        if held.pad == NO_PAD:
            return held
        order = channels_last(len(held.axes))
        held, pad = self.arranged(replace(held, pad=NO_PAD), order), held.pad
        around = (pad[:2], pad[2:])[-(len(order) - 2) :]
        padding = ((0, 0), *around, (0, 0))
        shape = self.tensors[held.tensor].shape
        padded = tuple(n + before + after for n, (before, after) in zip(shape, padding, strict=True))
        tensor = self.emit_named(OpKind.PAD, "pad", (held.tensor,), padded, "", PadAttrs(padding=padding))
        held = Activation(tensor, order)
        self.values[value] = held
        return held

    def arranged(self, held: Activation, axes: tuple[int, ...]) -> Activation:
        """The value with its axes in this order; a TRANSPOSE, or a RESHAPE where no byte moves."""
        if held.axes == axes:
            return held
        permutation = tuple(held.axes.index(axis) for axis in axes)
        key = (held.tensor, permutation)
        if key not in self._arranged:
            shape = self.tensors[held.tensor].shape
            name = f"{self.tensors[held.tensor].name}.transpose"
            target = tuple(shape[axis] for axis in permutation)
            attrs = TransposeAttrs(permutation=permutation)
            if attrs.moves_bytes(shape):
                tensor = self.emit_named(OpKind.TRANSPOSE, name, (held.tensor,), target, "", attrs)
            else:
                tensor = self.emit_named(OpKind.RESHAPE, name, (held.tensor,), target, "")
            self._arranged[key] = tensor
        return Activation(self._arranged[key], axes, held.pad)

    def plain(self, held: Activation) -> Activation:
        """The value in torch's own order."""
        return self.arranged(held, tuple(range(len(held.axes))))

    def viewed(self, held: Activation, old: tuple[int, ...], new: tuple[int, ...], name: str, where: str) -> Activation:
        """The value of shape `old` as one of shape `new`: a RESHAPE, behind a TRANSPOSE where axes are joined that lie
        apart."""
        view = view_of(held.axes, old, new)
        long = [axis for axis in held.axes if old[axis] != 1]
        if long != [axis for axis in view.before if old[axis] != 1]:
            held = self.arranged(held, view.before)
        shape = tuple(new[axis] for axis in view.after)
        return Activation(self.emit_named(OpKind.RESHAPE, name, (held.tensor,), shape, where), view.after)

    def alias(self, output: int, value: int, held: Activation | Constant | None = None) -> None:
        """`output` holds what `value` holds, or `held`, which is the same tensor: who reads the one reads the other."""
        self.values[output] = self.values[value] if held is None else held
        self._alias_of[output] = value

    # Tensors and operators

    def add_input(self, value: int, name: str) -> None:
        """name: of forward()'s parameter; a layer of that name keeps it."""
        shape = self.shape(value)
        axes = channels_last(len(shape))
        layers = {path for path, _ in self.recording.skeleton.named_modules()}
        own = self._unique(f"{name}_input" if name in layers else name)
        tensor = self._add(Tensor(own, tuple(shape[axis] for axis in axes), DType.FLOAT32))
        self.values[value] = Activation(tensor, axes)

    def add_constant(self, name: str, constant: Constant) -> int:
        tensor = self._add(Tensor(self._unique(name), constant.shape, DType.FLOAT32, is_constant=True))
        self.slices[tensor] = constant.slices
        self.formulas[tensor] = constant.formula
        if constant.is_absent:
            self._absent.add(tensor)
        if constant.computed_at is not None:
            self.computed[tensor] = constant.computed_at
        return tensor

    def add_scalar(self, name: str, value: float) -> int:
        data = np.array(value, np.float32)
        return self._add(Tensor(self._unique(name), (), DType.FLOAT32, data=data, is_constant=True))

    def add_indices(self, name: str, values: Sequence[int]) -> int:
        data = np.array(values, np.int32)
        return self._add(Tensor(self._unique(name), data.shape, DType.INT32, data=data, is_constant=True))

    def producer(self, tensor: int) -> DraftOp:
        return self._producer[tensor]

    def maker(self, tensor: int) -> DraftOp | None:
        """The operator that makes a tensor; None of an input and of a constant."""
        return self._producer.get(tensor)

    def credit(self, tensor: int, source: int) -> None:
        """What makes `source`, which nobody else reads, counts as what makes `tensor`, a view of it."""
        self._producer[tensor] = self._producer[source]

    def scale_constant(self, tensor: int, axis: int, factor: Formula) -> None:
        """Multiplies what a constant holds along `axis` with `factor` (channels,), in float64."""
        self._rework(tensor, lambda own, values: own * _along(factor(values), axis, own))

    def shift_constant(self, tensor: int, axis: int, term: Formula) -> None:
        """Adds `term` (channels,) along `axis` to what a constant holds, in float64."""
        self._rework(tensor, lambda own, values: own + _along(term(values), axis, own))

    def _rework(self, tensor: int, change: Callable[[TorchTensor, Values], TorchTensor]) -> None:
        self._absent.discard(tensor)
        inner = self.formulas[tensor]
        self.formulas[tensor] = lambda values: change(inner(values).double(), values)

    def attach(self, tensor: int, name: str, axes: tuple[int | None, ...]) -> None:
        """Notes one more parameter a constant is made from."""
        self.slices[tensor] += (ParameterSlice(name, axes),)

    def emit(
        self, kind: OpKind, call: Call, inputs: Sequence[int], shape: tuple[int, ...], attrs: Attrs | None = None
    ) -> int:
        """Adds an operator with one output of `shape` and returns the output's index."""
        return self.emit_named(kind, call.layer, inputs, shape, call.where, attrs)

    def emit_named(
        self,
        kind: OpKind,
        name: str,
        inputs: Sequence[int],
        shape: tuple[int, ...],
        where: str,
        attrs: Attrs | None = None,
    ) -> int:
        """As `emit`. attrs: None for the kind's defaults."""
        unique = self._unique(name)
        output = self._add(Tensor(unique, shape, DType.FLOAT32))
        own = TRAITS[kind].attrs() if attrs is None else attrs
        op = DraftOp(kind, unique, list(inputs), (output,), own, where)
        self.ops.append(op)
        self._producer[output] = op
        return output

    def fusing_producer(self, value: int) -> DraftOp | None:
        """The operator that makes `value`, if an activation may still be fused into it."""
        op = self.sole_producer(value)
        if op is None or not op.traits.takes_activation or fused_activation(op.attrs) is not Fused.NONE:
            return None
        return op

    def sole_producer(self, value: int) -> DraftOp | None:
        """The operator that makes `value`, if what is done now is all that is done with it."""
        held = self.values[value]
        if not isinstance(held, Activation) or held.pad != NO_PAD or not self._has_one_reader(value):
            return None
        return self._producer.get(held.tensor)

    def shorten(self, tensor: int, axis: int, length: int) -> None:
        """Gives a tensor that nobody has read yet another length along an axis."""
        shape = self.tensors[tensor].shape
        self.tensors[tensor] = replace(self.tensors[tensor], shape=(*shape[:axis], length, *shape[axis + 1 :]))

    def clamping_producer(self, value: int) -> DraftOp | None:
        """As `fusing_producer`, for what treats every element alike: views in between do not matter."""
        op = self.fusing_producer(value)
        while op is None and self._has_one_reader(value) and value in self._view_of:
            value = self._view_of[value]
            op = self.fusing_producer(value)
        return op

    def note_view(self, output: int, value: int) -> None:
        """`output` holds the elements of `value` in another shape."""
        self._view_of[output] = value

    def _has_one_reader(self, value: int) -> bool:
        while self.uses[value] == 1 and value in self._alias_of:
            value = self._alias_of[value]
        return self.uses[value] == 1

    def folding_layer(self, value: int) -> DraftOp | None:
        """The layer with weights that makes `value`, if a scale or shift per channel may still be folded into it."""
        op = self.fusing_producer(value)
        return op if op is not None and op.traits.has_weights else None

    def _add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _unique(self, name: str) -> str:
        self._names[name] += 1
        return name if self._names[name] == 1 else self._unique(f"{name}_{self._names[name]}")

    def finish(self, kept_too: Collection[int] = ()) -> Graph:
        """The graph without operators whose results no operator reads, but for tensors that are to stay; (N, ..., C) at
        both ends."""
        outputs = tuple(self._output(value) for value in self.recording.outputs)
        inputs = tuple(self.activation(value).tensor for value in self.recording.inputs)
        needed = {*outputs, *kept_too}
        kept: list[DraftOp] = []
        for op in reversed(self.ops):
            if needed.intersection(op.outputs):
                needed.update(op.inputs)
                kept.append(op)
        same = self._same_constants(list(reversed(kept)))
        ops = tuple(
            Op(op.kind, op.name, tuple(same.get(index, index) for index in op.inputs), op.outputs, op.attrs)
            for op in reversed(kept)
        )
        return Graph(tuple(self.tensors), ops, inputs, outputs)

    def _same_constants(self, ops: list[DraftOp]) -> dict[int, int]:
        """Constant of a layer -> the one of an earlier call of that layer that holds the same."""
        first: dict[object, int] = {}
        same: dict[int, int] = {}
        for op in ops:
            for constant in op.inputs[1:3] if op.traits.has_weights else ():
                absent = constant in self._absent
                if not (self.slices[constant] or absent) or constant in self.computed:
                    continue
                folds = tuple((fold.kind, tuple(fold.parameters.items())) for fold in op.folds)
                held = same.get(op.inputs[1]) if absent else self.slices[constant]
                key = (op.kind, op.inputs.index(constant), self.tensors[constant].shape, held, folds)
                same[constant] = first.setdefault(key, constant)
        return same

    def _output(self, value: int) -> int:
        if self.is_constant(value):
            raise ModelError("an output of the network does not depend on its input")
        held = self.activation(value)
        return self.arranged(held, channels_last(len(held.axes))).tensor


def _refs(argument: Any) -> list[int]:
    if isinstance(argument, Ref):
        return [argument.value]
    if isinstance(argument, Mapping):
        return [value for item in argument.values() for value in _refs(item)]
    if isinstance(argument, tuple):
        return [value for item in argument for value in _refs(item)]
    return []


def _along(channels: TorchTensor, axis: int, like: TorchTensor) -> TorchTensor:
    """(channels,) shaped to broadcast along `axis` of `like`."""
    return channels.double().reshape([-1 if k == axis else 1 for k in range(like.dim())])
