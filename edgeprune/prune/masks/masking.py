"""Which weights stay where channels are not removed.

A granularity scores every weight of every layer; weights that can only go together share a score, and what must go in
any case scores below zero. `masks_at` applies one threshold to all layers' scores, so each layer gets a sparsity of its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgeprune.errors import ModelError
from edgeprune.model.trace import TracedModel
from edgeprune.prune.scoring.layers import plain_layers

Masks = Mapping[str, Tensor]  # parameter -> bool tensor of its shape, True where the weight stays
Damage = Callable[[Masks], float]  # how far these masks move the network's outputs; the lowest is best


@dataclass(frozen=True, eq=False)
class Kernels:
    """A layer's weights as the device will have them, batch norm folded in.

    Attributes:
        layer: name of the operator it becomes.
        parameter: name of its weight.
        weights: (outputs, inputs, taps) float32; a linear layer has one tap, an input of a convolution a kernel of
            height x width.
        centre: index of the tap in the middle.
    """

    layer: str
    parameter: str
    weights: Tensor
    centre: int

    @property
    def taps(self) -> int:
        return int(self.weights.shape[2])


Scores = Sequence[Tensor]  # for each layer (outputs, inputs, taps) float32; the lowest goes first, below 0 always
Judge = Callable[[Sequence[Kernels], Damage], Scores]


def kernels_of(module: nn.Module, traced: TracedModel) -> list[Kernels]:
    """The layers whose weights the engine can store compressed: convolutions that are not depthwise, linear layers.

    Raises:
        ModelError: the network has none of them.
    """
    names = {id(tensor): name for name, tensor in module.named_parameters()}
    masked = []
    for layer in plain_layers(module, traced):
        if layer.op.traits.is_gemm:
            weight = layer.module.weight.detach().float()
            scale = layer.affine()[0].reshape(-1, *[1] * (weight.ndim - 1))
            height, width = (1, 1, *weight.shape[2:])[-2:] if weight.ndim > 2 else (1, 1)
            centre = int(height) // 2 * int(width) + int(width) // 2
            rows = (weight * scale).reshape(*weight.shape[:2], -1)
            masked.append(Kernels(layer.op.name, names[id(layer.module.weight)], rows, centre))
    if not masked:
        raise ModelError(
            "no layer of the network has weights that can be masked: it takes a convolution that is not depthwise, or "
            "a linear layer, called as a module",
            hint="remove channels instead: --granularity channels",
        )
    return masked


def masks_at(layers: Sequence[Kernels], scores: Scores, density: float) -> dict[str, Tensor]:
    """The best scores, at most `density` (0..1) of all weights; every layer keeps its best ones.

    Returns:
        parameter -> bool (outputs, inputs, taps).
    """
    ranked = torch.cat([one.flatten() for one in scores]).sort(descending=True).values
    wanted = int(density * len(ranked))
    threshold = float(ranked[wanted - 1]) if wanted else float("inf")
    equal_beyond = wanted < len(ranked) and float(ranked[wanted]) == threshold  # they stay or go together: they go
    masks = {}
    for layer, score in zip(layers, scores, strict=True):
        above = score > threshold if equal_beyond else score >= threshold
        masks[layer.parameter] = (above | (score == score.max())) & (score >= 0)
    return masks


def density_of(masks: Masks) -> float:
    """Share of the masked layers' weights that stays."""
    return sum(int(mask.sum()) for mask in masks.values()) / max(1, sum(mask.numel() for mask in masks.values()))
