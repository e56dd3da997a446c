"""Weights, live activation bytes and MACs of thousands of candidate widths at once.

Every axis of every tensor is an affine sum over channel groups, so a tensor's size is a product of such sums. Evaluated
with numpy for a whole batch of candidates this costs microseconds each. It leaves out what only the planner computes
(in-place execution, scratch, fragmentation); `allocate` corrects for that with exact footprints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgeprune.ir import Graph, Op
from edgeprune.prune.coupling.channels import Extent

_BIAS_AND_TABLE_BYTES = 8  # int32 multiplier and shift beside each int32 bias, whose own bytes count as a tensor's


@dataclass(frozen=True)
class Sizes:
    """Of K candidates: `flash_bytes` (K,), `live_bytes` (K, ops), `op_work` (K, ops) in MACs or output elements."""

    flash_bytes: np.ndarray
    live_bytes: np.ndarray
    op_work: np.ndarray


class SizeModel:
    """Sizes as functions of the widths of `group_names`, in that order."""

    def __init__(self, graph: Graph, extents: Mapping[int, Sequence[Extent]], group_names: Sequence[str]):
        self._graph = graph
        column = {group: index for index, group in enumerate(group_names)}
        self._axes: dict[int, list[tuple[np.ndarray, int]]] = {}
        for index, tensor_extents in extents.items():
            rows = []
            for extent in tensor_extents:
                coefficients = np.zeros(len(column))
                for group, multiplier in extent.terms:
                    coefficients[column[group]] += multiplier
                rows.append((coefficients, extent.constant))
            self._axes[index] = rows
        self._live = _live_activations(graph)

    def sizes(self, widths: np.ndarray) -> Sizes:
        """widths: (K, groups) channel counts."""
        counts: dict[int, np.ndarray] = {}

        def elements(tensor: int) -> np.ndarray:
            if tensor not in counts:
                counts[tensor] = self._elements(tensor, widths)
            return counts[tensor]

        flash = np.zeros(len(widths))
        for index in _constants(self._graph):
            per_element = 4 + _BIAS_AND_TABLE_BYTES if len(self._graph.tensors[index].shape) == 1 else 1
            flash += per_element * elements(index)
        live = np.stack([sum(elements(t) for t in alive) for alive in self._live], axis=1)
        work = np.stack([self._work(op, widths, elements) for op in self._graph.ops], axis=1)
        return Sizes(flash, live, work)

    def _elements(self, tensor: int, widths: np.ndarray) -> np.ndarray:
        product = np.ones(len(widths))
        if tensor not in self._axes:
            return product * self._graph.tensors[tensor].element_count
        for coefficients, constant in self._axes[tensor]:
            product *= widths @ coefficients + constant
        return product

    def _work(self, op: Op, widths: np.ndarray, elements) -> np.ndarray:  # type: ignore[no-untyped-def]
        outputs: np.ndarray = elements(op.outputs[0])
        if not op.traits.has_weights:
            return outputs
        weight_axes = self._axes.get(op.inputs[1])
        if weight_axes is None:
            weight = self._graph.tensors[op.inputs[1]]
            return outputs * (weight.element_count / max(1, self._graph.output_of(op).shape[-1]))
        weights: np.ndarray = elements(op.inputs[1])
        coefficients, constant = self._axes[op.outputs[0]][-1]
        return np.asarray(outputs * weights / (widths @ coefficients + constant))


def _constants(graph: Graph) -> list[int]:
    return sorted({t for op in graph.ops for t in op.inputs if t >= 0 and graph.tensors[t].is_constant})


def _live_activations(graph: Graph) -> list[list[int]]:
    """Tensors alive during each op, a view counted as the tensor it shows."""
    shown: dict[int, int] = {}
    for op in graph.ops:
        if op.traits.is_reshape:
            shown[op.outputs[0]] = shown.get(op.inputs[0], op.inputs[0])
    first: dict[int, int] = {t: 0 for t in graph.inputs}
    last: dict[int, int] = {shown.get(t, t): len(graph.ops) - 1 for t in graph.outputs}
    for index, op in enumerate(graph.ops):
        for tensor in (*op.inputs, *op.outputs):
            if tensor < 0 or graph.tensors[tensor].is_constant:
                continue
            tensor = shown.get(tensor, tensor)
            first.setdefault(tensor, index)
            last[tensor] = max(last.get(tensor, 0), index)
    return [[t for t in first if first[t] <= index <= last[t]] for index in range(len(graph.ops))]
