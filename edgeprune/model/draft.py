"""The graph under construction: recorded torch values become tensors, ATen calls become operators.

A torch image is (N, C, H, W), ours (N, H, W, C). An `Activation` says in `axes` which torch axis each axis of its
tensor holds, so a permutation costs an operator only where memory really has to be rearranged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from edgeprune.errors import UnsupportedOp
from edgeprune.ir import Activation as Fused
from edgeprune.ir import DType, Graph, Op, OpKind, Tensor
from edgeprune.model.record import Call, Recording, Ref

CHANNELS_LAST = (0, 2, 3, 1)
NO_PAD = (0, 0, 0, 0)

# Operators the converter fuses a following activation into.
FUSES_ACTIVATION = frozenset({
    OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D, OpKind.TRANSPOSE_CONV, OpKind.FULLY_CONNECTED, OpKind.ADD, OpKind.SUB,
    OpKind.MUL, OpKind.AVERAGE_POOL_2D, OpKind.MAX_POOL_2D,
})  # fmt: skip
WEIGHTED = frozenset({OpKind.CONV_2D, OpKind.DEPTHWISE_CONV_2D, OpKind.TRANSPOSE_CONV, OpKind.FULLY_CONNECTED})


@dataclass(frozen=True)
class ParameterSlice:
    """A parameter or buffer a constant is made from.

    Attributes:
        name: as in `named_parameters()` or `named_buffers()`.
        axes: for each axis of the constant the parameter's axis that runs along it, None where none does.
    """

    name: str
    axes: tuple[int | None, ...]

    def arranged(self, axes: Sequence[int]) -> ParameterSlice:
        return replace(self, axes=tuple(self.axes[axis] for axis in axes))


@dataclass(frozen=True)
class Activation:
    """A torch value held in a tensor of the graph.

    Attributes:
        tensor: index of the graph's tensor.
        axes: axis k of the tensor holds torch axis `axes[k]`.
        pad: zeros around height and width that the value has and the tensor has not: (top, bottom, left, right).
    """

    tensor: int
    axes: tuple[int, ...]
    pad: tuple[int, int, int, int] = NO_PAD


@dataclass(frozen=True)
class Constant:
    """A torch value known before the network runs.

    Attributes:
        shape: as torch has it.
        slices: the parameters it comes from; empty when it is made in forward().
        computed_at: the user's line where parameters were mixed so that no channel can be told apart any more.
    """

    shape: tuple[int, ...]
    slices: tuple[ParameterSlice, ...] = ()
    computed_at: str | None = None

    def arranged(self, axes: Sequence[int]) -> Constant:
        shape = tuple(self.shape[axis] for axis in axes)
        return replace(self, shape=shape, slices=tuple(s.arranged(axes) for s in self.slices))

    def reshaped(self, shape: tuple[int, ...]) -> Constant:
        """The same numbers where only axes of length 1 come or go; None-mapped otherwise."""
        if [n for n in self.shape if n != 1] != [n for n in shape if n != 1]:
            return Constant(
                shape, self.slices and tuple(ParameterSlice(s.name, (None,) * len(shape)) for s in self.slices)
            )
        kept = iter([axis for axis, n in enumerate(self.shape) if n != 1])
        source = [next(kept) if n != 1 else None for n in shape]
        slices = tuple(
            ParameterSlice(s.name, tuple(None if axis is None else s.axes[axis] for axis in source))
            for s in self.slices
        )
        return replace(self, shape=shape, slices=slices)


class FoldKind(StrEnum):
    BATCH_NORM = "batch norm"  # weight, bias (absent without affine), running_mean, running_var
    SCALE = "scale"  # factor
    SHIFT = "shift"  # term


@dataclass(frozen=True)
class Fold:
    """Arithmetic per output channel that the exported layer has taken in. `parameters`: role -> name."""

    kind: FoldKind
    parameters: Mapping[str, str]


@dataclass
class DraftOp:
    kind: OpKind
    name: str
    inputs: list[int]
    outputs: tuple[int, ...]
    attrs: dict[str, Any]
    where: str
    folds: list[Fold] = field(default_factory=list)


@dataclass
class Draft:
    recording: Recording
    tensors: list[Tensor] = field(default_factory=list)
    ops: list[DraftOp] = field(default_factory=list)
    slices: dict[int, tuple[ParameterSlice, ...]] = field(default_factory=dict)
    computed: dict[int, str] = field(default_factory=dict)
    values: dict[int, Activation | Constant] = field(default_factory=dict)

    readers: dict[int, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names: Counter[str] = Counter()
        self._producer: dict[int, DraftOp] = {}
        self._arranged: dict[tuple[int, tuple[int, ...]], Activation] = {}
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
            raise UnsupportedOp(f"{call.target} at {call.where} takes its {name} from another layer's output")
        return value

    def activation(self, value: int) -> Activation:
        """The value with any pending padding made real."""
        held = self.values[value]
        assert isinstance(held, Activation)
        if held.pad == NO_PAD:
            return held
        top, bottom, left, right = held.pad
        held = self.arranged(replace(held, pad=NO_PAD), CHANNELS_LAST)
        n, h, w, c = self.tensors[held.tensor].shape
        padded = self.emit_named(
            OpKind.PAD, "pad", (held.tensor,), (n, h + top + bottom, w + left + right, c), "",
            padding=((0, 0), (top, bottom), (left, right), (0, 0)),
        )  # fmt: skip
        held = Activation(padded, CHANNELS_LAST)
        self.values[value] = held
        return held

    def arranged(self, held: Activation, axes: tuple[int, ...]) -> Activation:
        """The value with its axes in this order; a TRANSPOSE, or a RESHAPE where no byte moves."""
        if held.axes == axes:
            return held
        key = (held.tensor, axes)
        if key not in self._arranged:
            permutation = tuple(held.axes.index(axis) for axis in axes)
            shape = self.tensors[held.tensor].shape
            name = f"{self.tensors[held.tensor].name}.transpose"
            target = tuple(shape[axis] for axis in permutation)
            if moves_bytes(shape, permutation):
                tensor = self.emit_named(OpKind.TRANSPOSE, name, (held.tensor,), target, "", permutation=permutation)
            else:
                tensor = self.emit_named(OpKind.RESHAPE, name, (held.tensor,), target, "")
            self._arranged[key] = Activation(tensor, axes)
        return replace(self._arranged[key], pad=held.pad)

    def plain(self, held: Activation) -> Activation:
        """The value in torch's own order."""
        return self.arranged(held, tuple(range(len(held.axes))))

    # Tensors and operators

    def add_input(self, value: int, index: int) -> None:
        shape = self.shape(value)
        axes = CHANNELS_LAST if len(shape) == 4 else tuple(range(len(shape)))
        tensor = self._add(Tensor(f"input_{index}", tuple(shape[axis] for axis in axes), DType.FLOAT32))
        self.values[value] = Activation(tensor, axes)

    def add_constant(self, name: str, constant: Constant) -> int:
        tensor = self._add(Tensor(self._unique(name), constant.shape, DType.FLOAT32, is_constant=True))
        self.slices[tensor] = constant.slices
        if constant.computed_at is not None:
            self.computed[tensor] = constant.computed_at
        return tensor

    def add_scalar(self, name: str, value: float) -> int:
        data = np.array(value, np.float32)
        return self._add(Tensor(self._unique(name), (), DType.FLOAT32, data=data, is_constant=True))

    def producer(self, tensor: int) -> DraftOp:
        return self._producer[tensor]

    def add_sliced(self, name: str, shape: tuple[int, ...], slices: tuple[ParameterSlice, ...]) -> int:
        return self.add_constant(name, Constant(shape, slices))

    def attach(self, tensor: int, name: str, axes: tuple[int | None, ...]) -> None:
        """Notes one more parameter a constant is made from."""
        self.slices[tensor] += (ParameterSlice(name, axes),)

    def emit(self, kind: OpKind, call: Call, inputs: Sequence[int], shape: tuple[int, ...], **attrs: Any) -> int:
        """Adds an operator with one output of `shape` and returns the output's index."""
        return self.emit_named(kind, call.layer, inputs, shape, call.where, **attrs)

    def emit_named(
        self, kind: OpKind, name: str, inputs: Sequence[int], shape: tuple[int, ...], where: str, **attrs: Any
    ) -> int:
        return self.emit_many(kind, name, inputs, (shape,), where, **attrs)[0]

    def emit_many(
        self,
        kind: OpKind,
        name: str,
        inputs: Sequence[int],
        shapes: Sequence[tuple[int, ...]],
        where: str,
        **attrs: Any,
    ) -> tuple[int, ...]:
        unique = self._unique(name)
        names = [unique] if len(shapes) == 1 else [f"{unique}:{index}" for index in range(len(shapes))]
        outputs = tuple(self._add(Tensor(n, shape, DType.FLOAT32)) for n, shape in zip(names, shapes, strict=True))
        if kind in FUSES_ACTIVATION:
            attrs = {"activation": Fused.NONE, **attrs}
        op = DraftOp(kind, unique, list(inputs), outputs, attrs, where)
        self.ops.append(op)
        self._producer.update(dict.fromkeys(outputs, op))
        return outputs

    def foldable_producer(self, value: int, kinds: frozenset[OpKind]) -> DraftOp | None:
        """The operator that makes `value`, if what follows may still be folded into it."""
        held = self.values[value]
        if not isinstance(held, Activation) or held.pad != NO_PAD or self.uses[value] != 1:
            return None
        op = self._producer.get(held.tensor)
        if op is None or op.kind not in kinds or op.attrs.get("activation", Fused.NONE) is not Fused.NONE:
            return None
        return op

    def _add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _unique(self, name: str) -> str:
        self._names[name] += 1
        return name if self._names[name] == 1 else self._unique(f"{name}_{self._names[name]}")

    def finish(self) -> Graph:
        """The graph without operators whose results nobody reads."""
        outputs = tuple(self.activation(value).tensor for value in self.recording.outputs)
        inputs = tuple(self.activation(value).tensor for value in self.recording.inputs)
        needed = set(outputs)
        kept: list[DraftOp] = []
        for op in reversed(self.ops):
            if needed.intersection(op.outputs):
                needed.update(op.inputs)
                kept.append(op)
        ops = tuple(Op(op.kind, op.name, tuple(op.inputs), op.outputs, op.attrs) for op in reversed(kept))
        return Graph(tuple(self.tensors), ops, inputs, outputs)


def moves_bytes(shape: Sequence[int], permutation: Sequence[int]) -> bool:
    """Whether a permutation is more than a new shape: axes of length 1 move for free."""
    moved = [axis for axis in permutation if shape[axis] != 1]
    return moved != sorted(moved)


def _refs(argument: Any) -> list[int]:
    if isinstance(argument, Ref):
        return [argument.value]
    if isinstance(argument, Mapping):
        return [value for item in argument.values() for value in _refs(item)]
    if isinstance(argument, tuple):
        return [value for item in argument for value in _refs(item)]
    return []


def layer_name(call: Call, weight: Constant) -> str:
    """The layer a weight belongs to: its parameter's owner, else the module running."""
    if weight.slices and "." in weight.slices[0].name:
        return weight.slices[0].name.rpartition(".")[0]
    return call.layer
