"""What the layers of a prepared PT2E graph multiply their weights with: mean and covariance over samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.fx import Interpreter

from edgeprune.export.pte.observers import Activation, PerChannelWeights, TensorWeights
from edgeprune.quantize.input_moments import ROWS, InputMoments

_MOST_INPUTS = 2048  # of a row whose covariance is kept
_ATEN = torch.ops.aten
_CONVOLUTIONS = (_ATEN.conv2d.default, _ATEN.conv1d.default)
_SEED = 0


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution or dense layer with weights of its own, or all calls of one whose weights are shared.

    Attributes:
        nodes: the calls.
        weight_name: of the weights in the module.
        weight, bias: tensors of the module, changed in place; no bias: None.
        observer: of the weights.
        in_step: of what it reads; 0.0 where that is not quantized.
        groups: of output channels that read different inputs.
    """

    nodes: tuple[Any, ...]
    weight_name: str
    weight: Tensor
    bias: Tensor | None
    observer: PerChannelWeights | TensorWeights
    in_step: float
    groups: int

    @property
    def scales(self) -> Tensor:
        return self.observer.scales_like(self.weight)

    def rows(self, weights: Tensor) -> Tensor:
        """(groups, output channels of a group, inputs)."""
        return weights.reshape(self.groups, weights.shape[0] // self.groups, -1)


def layers_of(prepared: Any) -> list[Layer]:
    """Those whose weights are quantized, with rows short enough for a covariance."""
    found: dict[str, Layer] = {}
    for node in prepared.graph.nodes:
        if node.target not in (*_CONVOLUTIONS, _ATEN.linear.default):
            continue
        weights: Any = node.args[1]
        observer = prepared.get_submodule(weights.target) if weights.op == "call_module" else None
        if not isinstance(observer, PerChannelWeights | TensorWeights) or weights.args[0].op != "get_attr":
            continue
        name = weights.args[0].target
        if name in found:
            known = found[name]
            found[name] = Layer((*known.nodes, node), name, known.weight, known.bias, observer, known.in_step,
                                known.groups)  # fmt: skip
            continue
        weight = _attribute(prepared, name)
        groups = node.args[6] if node.target in _CONVOLUTIONS and len(node.args) > 6 else 1
        if weight[0].numel() > _MOST_INPUTS:
            continue
        found[name] = Layer((node,), name, weight, _bias(prepared, node), observer, _step(prepared, node), groups)
    return list(found.values())


def _bias(prepared: Any, node: Any) -> Tensor | None:
    given: Any = node.args[2] if len(node.args) > 2 else None
    while hasattr(given, "op") and given.op == "call_module":
        given = given.args[0]
    if not hasattr(given, "op") or given.op != "get_attr":
        return None
    return _attribute(prepared, str(given.target))


def _step(prepared: Any, node: Any) -> float:
    read: Any = node.args[0]
    observer = prepared.get_submodule(read.target) if hasattr(read, "op") and read.op == "call_module" else None
    return float(observer.calculate_qparams()[0]) if isinstance(observer, Activation) else 0.0


def _attribute(module: Any, name: str) -> Tensor:
    found = module
    for part in name.split("."):
        found = getattr(found, part)
    assert isinstance(found, Tensor)
    return found.data


def moments_of(prepared: Any, layers: Sequence[Layer], samples: Sequence[Tensor]) -> Mapping[str, InputMoments]:
    """Of each layer, by the name of its weights."""
    gathered = {layer.weight_name: LayerRows(layer, len(samples)) for layer in layers}
    of = {node: gathered[layer.weight_name] for layer in layers for node in layer.nodes}

    class Reading(Interpreter):
        def run_node(self, node: Any) -> Any:
            if node in of:
                of[node].add(node, self.env[node.args[0]])
            return super().run_node(node)

    for sample in samples:
        Reading(prepared).run(sample)
    return {name: one.moments() for name, one in gathered.items()}


class LayerRows:
    """Gathers what one layer reads over so many samples."""

    def __init__(self, layer: Layer, samples: int):
        self._layer = layer
        self._most = max(1, ROWS // (samples * len(layer.nodes)))
        self._rng = np.random.default_rng(_SEED)
        inputs = layer.rows(layer.weight).shape[2]
        self._sum = np.zeros((layer.groups, inputs))
        self._products = np.zeros((layer.groups, inputs, inputs))
        self._count = 0

    def add(self, node: Any, values: Tensor) -> None:
        """values: what the call reads, for one sample."""
        rows = self._rows(node, values.detach()).numpy().astype(np.float64)
        self._count += rows.shape[1]
        self._sum += rows.sum(axis=1)
        self._products += np.matmul(rows.transpose(0, 2, 1), rows)

    def moments(self) -> InputMoments:
        mean = self._sum / self._count
        covariance = self._products / self._count - mean[:, :, None] * mean[:, None, :]
        return InputMoments(mean, covariance, self._count)

    def _rows(self, node: Any, values: Tensor) -> Tensor:
        """(groups, rows, inputs), some drawn at random."""
        layer = self._layer
        if node.target not in _CONVOLUTIONS:
            rows = values.reshape(-1, values.shape[-1])
            return rows[self._drawn(len(rows))][None]
        lengths = layer.weight.shape[2:]
        stride, padding, dilation = (self._pair(node, position, len(lengths)) for position in (3, 4, 5))
        pictures = values if values.ndim == 4 else values[:, :, None]
        taps = tuple(lengths) if len(lengths) == 2 else (1, *lengths)
        columns = torch.nn.functional.unfold(pictures.contiguous(), taps, dilation, padding, stride)[0]
        chosen = columns[:, self._drawn(columns.shape[1])]
        return chosen.reshape(layer.groups, -1, chosen.shape[1]).transpose(1, 2)

    def _drawn(self, count: int) -> Tensor:
        if count <= self._most:
            return torch.arange(count)
        return torch.from_numpy(self._rng.integers(0, count, self._most))

    @staticmethod
    def _pair(node: Any, position: int, axes: int) -> tuple[int, int]:
        plain = 0 if position == 4 else 1
        given = node.args[position] if len(node.args) > position else plain
        values = [*given] if isinstance(given, list | tuple) else [given] * axes
        values = values * axes if len(values) < axes else values
        return (values[0], values[1]) if axes == 2 else (plain, values[0])
