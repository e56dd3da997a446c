"""A graph after passes that added tensors, and which axes of which old ones the new ones repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edgeprune.ir import Graph, Op, Tensor


@dataclass(frozen=True)
class Repeats:
    """axes: for each axis of a new tensor, the axis of tensor `source` whose length it has; None for length 1."""

    source: int
    axes: tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class Rewritten:
    """graph: after the passes; old tensors keep their indices. new: tensor that a pass added -> what it repeats."""

    graph: Graph
    new: Mapping[int, Repeats] = field(default_factory=dict)

    def with_ops(self, ops: tuple[Op, ...]) -> Rewritten:
        return replace(self, graph=self.graph.with_ops(ops))

    def adding(self, tensor: Tensor, repeats: Repeats) -> tuple[Rewritten, int]:
        """With one more tensor, and its index."""
        index = len(self.graph.tensors)
        graph = self.graph.with_tensors((*self.graph.tensors, tensor))
        return replace(self, graph=graph, new={**self.new, index: repeats}), index

    def holding(self, index: int, tensor: Tensor) -> Rewritten:
        """With another tensor of the same shape at `index`."""
        tensors = list(self.graph.tensors)
        tensors[index] = tensor
        return replace(self, graph=self.graph.with_tensors(tuple(tensors)))
