"""Resource variables: VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE and CALL_ONCE become tensors that keep their values.

A handle's name stands for one variable wherever it occurs. What CALL_ONCE's subgraph assigns is there at first; where
nothing is assigned it is real zero, as TensorFlow Lite Micro has it (LiteRT gives an error).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from edgeprune.engine.tflite.flatfile import BROKEN_HINT
from edgeprune.engine.tflite.source import Source
from edgeprune.engine.tflite.tensors import NUMPY_TYPES
from edgeprune.errors import ModelError, UnsupportedOp
from edgeprune.ir import NO_ATTRS, Op, OpKind, Tensor

OPTIONS = {
    "VAR_HANDLE": "VarHandleOptions",
    "READ_VARIABLE": "",
    "ASSIGN_VARIABLE": "",
    "CALL_ONCE": "CallOnceOptions",
}
"""Kinds of operators that are about variables, and the class of their options."""

Key = tuple[bytes, bytes]
"""(container, shared name)."""


@dataclass
class States:
    """The variables of one model while it is read.

    Attributes:
        tensors: of the main subgraph; variables are appended.
        known: index of each variable's tensor.
        initial: values assigned before the first inference.
    """

    tensors: list[Tensor]
    known: dict[Key, int] = field(default_factory=dict)
    initial: dict[Key, np.ndarray] = field(default_factory=dict)

    def read(self, source: Source, key: Key, output: int) -> Op:
        """READ_VARIABLE."""
        state = self._state(source, key, self.tensors[output])
        return Op(OpKind.READ_VARIABLE, source.name, (state,), (output,), NO_ATTRS)

    def assign(self, source: Source, key: Key, value: int) -> Op:
        """ASSIGN_VARIABLE."""
        state = self._state(source, key, self.tensors[value])
        return Op(OpKind.ASSIGN_VARIABLE, source.name, (value,), (state,), NO_ATTRS)

    def _state(self, source: Source, key: Key, like: Tensor) -> int:
        if key not in self.known:
            self.known[key] = len(self.tensors)
            name = f"state_{key[1].decode('utf-8', 'replace') or len(self.known)}"
            made = replace(like, name=name, data=None, is_constant=False, is_variable=True)
            self.tensors.append(replace(made, initial=self._first(source, key, made)))
        state = self.tensors[self.known[key]]
        if (state.dtype, state.element_count) != (like.dtype, like.element_count):
            raise ModelError(f"{source.where}: a variable of {state.dtype} {state.shape} as {like.dtype} {like.shape}")
        return self.known[key]

    def _first(self, source: Source, key: Key, state: Tensor) -> np.ndarray:
        zero = state.qparams.zero_point[0] if state.qparams else 0
        given = self.initial.get(key)
        if given is None:
            return np.full(state.shape, zero, NUMPY_TYPES[state.dtype])
        if given.size != state.element_count or given.dtype != NUMPY_TYPES[state.dtype]:
            raise ModelError(f"{source.where}: a variable of {state.shape} begins as {given.dtype} {given.shape}")
        return given.reshape(state.shape)


def key_of(source: Source) -> Key:
    """Of a VAR_HANDLE."""
    return (source.options.Container() or b"", source.options.SharedName() or b"")


def handle(source: Source, handles: dict[int, Key], index: int) -> Key:
    """The variable behind tensor `index`."""
    if index not in handles:
        raise ModelError(f"{source.where}: no variable stands behind its handle", BROKEN_HINT)
    return handles[index]


def initial_value(source: Source) -> np.ndarray:
    """What an ASSIGN_VARIABLE of the first subgraph that runs assigns."""
    value = source.input(1)
    if value.data is None:
        raise UnsupportedOp(f"{source.where}: a variable begins as what is computed", "begin it as a constant")
    return value.data


def with_true_states(tensors: Sequence[Tensor], ops: Sequence[Op], inputs: Sequence[int]) -> tuple[Tensor, ...]:
    """What each inference writes anew keeps nothing from the one before, whatever the file calls it."""
    anew = {*inputs, *(output for op in ops if op.kind is not OpKind.ASSIGN_VARIABLE for output in op.outputs)}
    return tuple(
        replace(tensor, is_variable=False) if index in anew and tensor.is_variable else tensor
        for index, tensor in enumerate(tensors)
    )
