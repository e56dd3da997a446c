"""Which channels are coupled: one label per channel, pushed through the graph operator by operator.

Every axis position that could be removed carries a label. Operators move labels (concatenation, slice, reshape), make
new ones (a convolution's outputs), or declare two of them equal (an addition). Channels whose labels end up connected
can only be removed together. Done once at full width; linear in the number of channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edgeprune.ir import Op, Tensor
from edgeprune.model.trace import TracedModel

Labels = NDArray[np.int32]
FIXED = 0  # the label of everything that is no channel


class Reading(StrEnum):
    """How a reshape or slice that splits channels is read; the user's code decides, a trial thinning shows which."""

    OUTER_FIXED = "outer fixed"  # view(n, groups, c // groups, ...), chunk(parts): the count of parts is in the code
    INNER_FIXED = "inner fixed"  # view(n, c // r, r, ...)
    FROZEN = "frozen"  # the size itself is in the code


@dataclass
class Tracker:
    """Labels of every tensor, as arrays whose axes are 1 long wherever labels do not change along them."""

    traced: TracedModel
    readings: Mapping[str, Reading]
    labels: dict[int, Labels] = field(default_factory=dict)
    parameters: dict[tuple[str, int], Labels] = field(default_factory=dict)
    constants: dict[tuple[int, int], Labels] = field(default_factory=dict)
    begins: dict[str, tuple[int, Labels]] = field(default_factory=dict)
    risky: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)
    frozen: list[tuple[str, str, Labels]] = field(default_factory=list)
    edges: list[tuple[Labels, Labels]] = field(default_factory=list)
    count: int = 1

    def new(self, count: int) -> Labels:
        self.count += count
        return np.arange(self.count - count, self.count, dtype=np.int32)

    def tensor(self, op: Op, index: int) -> Tensor:
        return self.traced.graph.tensors[op.inputs[index]]

    def of(self, op: Op, index: int = 0) -> Labels:
        """Labels of an operator's input."""
        return self.labels[op.inputs[index]]

    def is_constant(self, op: Op, index: int) -> bool:
        return self.tensor(op, index).is_constant

    def set(self, op: Op, labels: Labels, output: int = 0) -> None:
        self.labels[op.outputs[output]] = labels

    def tie(self, first: Labels, second: Labels) -> None:
        """Declares labels equal, element by element (broadcast)."""
        a, b = np.broadcast_arrays(first, second)
        self.edges.append((a.ravel(), b.ravel()))

    def freeze(self, op: Op, reason: str, labels: Labels) -> None:
        self.frozen.append((op.name, reason, labels.ravel()))

    def reading(self, op: Op) -> Reading:
        """Notes that the operator's code may hold a size, and how it is read in this attempt."""
        self.risky.append(op.name)
        return self.readings.get(op.name, Reading.OUTER_FIXED)

    def channels(self, op: Op, index: int, axis: int) -> Labels:
        """Labels along one axis of an input, one per position; frozen where they change along another axis too."""
        labels, shape = self.of(op, index), self.tensor(op, index).shape
        axis %= len(shape)
        if any(n != 1 for k, n in enumerate(labels.shape) if k != axis):
            self.freeze(op, "channels lie along several axes here", labels)
            return np.full(shape[axis], FIXED, np.int32)
        return np.broadcast_to(labels.ravel(), (shape[axis],)) if labels.size == 1 else labels.ravel()

    def bind(self, op: Op, index: int, axis: int, labels: Labels) -> None:
        """Declares that a constant's axis runs along these channels."""
        constant = op.inputs[index]
        self.constants[constant, axis] = labels
        if constant in self.traced.computed:
            where = self.traced.computed[constant]
            self.freeze(op, f"its weights are computed from parameters at {where}", labels)
        elif labels.size > 1 and self._holds_other_axes(constant, axis):
            self.freeze(op, "its weights are a parameter of another shape, or made in forward()", labels)
        for piece in self.traced.slices[constant]:
            own = piece.axes[axis]
            if own is None:
                continue
            known = self.parameters.setdefault((piece.name, own), labels)
            if known is not labels:
                self.tie(known, labels)

    def _holds_other_axes(self, constant: int, axis: int) -> bool:
        """Whether no parameter's axis runs along this one, of a constant that has values to lose."""
        pieces = self.traced.slices[constant]
        is_weight = len(self.traced.graph.tensors[constant].shape) > 1
        return bool(pieces or is_weight) and all(piece.axes[axis] is None for piece in pieces)

    def freeze_computed(self) -> None:
        """Parameters that forward() computes with must keep their shapes, wherever else they are read."""
        graph = self.traced.graph
        for op in graph.ops:
            for constant in op.inputs:
                if constant not in self.traced.computed:
                    continue
                where = self.traced.computed[constant]
                for name in dict.fromkeys(piece.name for piece in self.traced.slices[constant]):
                    for (parameter, _), labels in self.parameters.items():
                        if parameter == name:
                            self.freeze(op, f"{name} is also computed with, at {where}", labels)

    def bind_all(self, op: Op, index: int, axis: int, labels: Labels) -> None:
        """`bind`, for a constant that must have parameters along the axis."""
        if not any(piece.axes[axis] is not None for piece in self.traced.slices[op.inputs[index]]):
            self.freeze(op, f"a constant of {labels.size} channels is made in forward()", labels)
        self.bind(op, index, axis, labels)


def varying(labels: Labels) -> list[int]:
    """Axes along which labels change."""
    return [axis for axis, n in enumerate(labels.shape) if n != 1]
