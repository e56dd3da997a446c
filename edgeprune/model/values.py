"""What a recorded torch value becomes: an activation in a tensor of the graph, or a constant known before it runs.

A torch image is (N, C, H, W), ours (N, H, W, C). An `Activation` records in `axes` which torch axis each axis of its
tensor holds, so a permutation costs an operator only where memory really has to be rearranged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor as TorchTensor

from edgeprune.ir import NO_PAD, Pad
from edgeprune.model.recording import Call

Values = Mapping[int, TorchTensor]
"""Recorded value -> what it holds, for values known before the network runs."""

Formula = Callable[[Values], TorchTensor]
"""What a constant of the graph holds, computed from `Values`."""

CHANNELS_LAST = (0, 2, 3, 1)  # of an image


def channels_last(rank: int) -> tuple[int, ...]:
    """The order of axes at both ends of a file: (N, ..., C)."""
    return tuple(range(rank)) if rank < 3 else (0, *range(2, rank), 1)


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
    pad: Pad = NO_PAD


@dataclass(frozen=True)
class Constant:
    """A torch value known before the network runs.

    Attributes:
        shape: as torch has it.
        slices: the parameters it comes from; empty when it is made in forward().
        computed_at: the user's line where parameters were mixed so that channels can no longer be separated.
        formula: its values, in `shape`.
        is_absent: a bias of zeros, of a layer without one.
    """

    shape: tuple[int, ...]
    formula: Formula
    slices: tuple[ParameterSlice, ...] = ()
    computed_at: str | None = None
    is_absent: bool = False

    def arranged(self, axes: Sequence[int]) -> Constant:
        shape = tuple(self.shape[axis] for axis in axes)
        inner = self.formula
        return replace(
            self,
            shape=shape,
            slices=tuple(s.arranged(axes) for s in self.slices),
            formula=lambda values: inner(values).permute(tuple(axes)),
        )

    def turned(self, axes: tuple[int, ...]) -> Constant:
        """The same values in reverse order along `axes`, which no channel runs along."""
        inner = self.formula
        return replace(self, formula=lambda values: inner(values).flip(axes))

    def expanded(self, shape: tuple[int, ...]) -> Constant:
        """Repeated along axes of length 1, along which no parameter runs."""
        inner, own = self.formula, self.shape
        slices = tuple(
            ParameterSlice(
                s.name, tuple(axis if n == m else None for axis, n, m in zip(s.axes, own, shape, strict=True))
            )
            for s in self.slices
        )
        return replace(self, shape=shape, slices=slices, formula=lambda values: inner(values).expand(shape))

    def changed(self, change: Callable[[TorchTensor], TorchTensor]) -> Constant:
        """With something done to each value, which makes it another constant than its parameter."""
        inner, where = self.formula, self.computed_at or ("forward()" if self.slices else None)
        return replace(self, computed_at=where, formula=lambda values: change(inner(values)))

    @staticmethod
    def of(value: int, shape: tuple[int, ...], *slices: ParameterSlice, computed_at: str | None = None) -> Constant:
        """What a recorded value holds."""
        return Constant(shape, lambda values: values[value], slices, computed_at)

    @staticmethod
    def zeros(*shape: int) -> Constant:
        """A bias that is absent."""
        return Constant(shape, lambda _values: torch.zeros(shape), is_absent=True)

    def reshaped(self, shape: tuple[int, ...]) -> Constant:
        """The same values where only axes of length 1 come or go; None-mapped otherwise."""
        inner = self.formula

        def formula(values: Values) -> TorchTensor:
            return inner(values).reshape(shape)

        if [n for n in self.shape if n != 1] != [n for n in shape if n != 1]:
            mixed = self.slices and tuple(ParameterSlice(s.name, (None,) * len(shape)) for s in self.slices)
            return Constant(shape, formula, mixed)
        kept = iter([axis for axis, n in enumerate(self.shape) if n != 1])
        source = [next(kept) if n != 1 else None for n in shape]
        slices = tuple(
            ParameterSlice(s.name, tuple(None if axis is None else s.axes[axis] for axis in source))
            for s in self.slices
        )
        return replace(self, shape=shape, slices=slices, formula=formula)


def layer_name(call: Call, weight: Constant) -> str:
    """The layer a weight belongs to: its parameter's owner, else the module running."""
    if weight.slices and "." in weight.slices[0].name:
        return weight.slices[0].name.rpartition(".")[0]
    return call.layer
