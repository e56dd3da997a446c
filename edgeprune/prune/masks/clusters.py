"""Weights that share at most 16 values a layer: a codebook the engine stores 4 bits a weight with.

The values are those of the int8 file, whose rows have scales of their own: of each output's largest weight. So a weight
is its output's scale times one of the layer's levels, and -1 and 1 are levels always.

Han, Mao, Dally, "Deep Compression", ICLR 2016, arXiv:1510.00149: weights are pruned, then clustered (k-means, from
levels spaced evenly), then trained with the clusters held. There a cluster moves by the sum of its weights' gradients;
here weights move on their own and each forward pass begins with every cluster back at its mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgeprune.prune.masks.masking import Kernels, Masks, weights_with

LEVELS = 16
_ROUNDS = 30
_STEPS = 127  # int8's


@dataclass(frozen=True, eq=False)
class Clusters:
    """Weights that stay are one of their layer's levels times their output's scale; the others are zero.

    Attributes:
        stays: the masks.
        numbers: parameter -> int64 like the mask, each weight's level.
    """

    stays: Masks
    numbers: Masks

    def put(self, module: nn.Module) -> None:
        self._put(module, settled=False)

    def settle(self, module: nn.Module) -> None:
        """Once, after training: levels go to the nearest 127th, so that int8 tells no two weights of a cluster apart."""
        self._put(module, settled=True)

    @torch.no_grad()
    def _put(self, module: nn.Module, settled: bool) -> None:
        numbers = [one for _, one in weights_with(module, self.numbers)]
        for (parameter, mask), number in zip(weights_with(module, self.stays), numbers, strict=True):
            rows = [one.flatten(1) for one in (parameter, mask, number)]
            levels, scales = fitted(rows[0], rows[1], rows[2])
            if settled:
                levels = (levels * _STEPS).round() / _STEPS
            parameter.copy_((scales * levels[rows[2]] * rows[1]).reshape(parameter.shape))


def clustered(layers: Sequence[Kernels], masks: Mapping[str, Tensor]) -> Clusters:
    """The clusters of what the masks leave, by k-means on the weights over their output's largest."""
    numbers = {}
    for layer in layers:
        mask = masks[layer.parameter].flatten(1)
        numbers[layer.parameter] = assigned(layer.weights.flatten(1), mask).reshape(layer.weights.shape)
    return Clusters(masks, numbers)


def assigned(weights: Tensor, mask: Tensor) -> Tensor:
    """(outputs, n) -> int64 numbers of levels; the largest weight of each output is at an end."""
    sizes = weights.abs() * mask
    relative = weights / sizes.amax(1, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)
    levels = torch.linspace(-1, 1, LEVELS)
    for _ in range(_ROUNDS):
        numbers = _nearest(relative, levels)
        for level in range(1, LEVELS - 1):
            members = relative[(numbers == level) & mask]
            if len(members):
                levels[level] = members.mean()
    return _nearest(relative, levels)


def fitted(weights: Tensor, mask: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Levels (16,) in -1..1 and scales (outputs, 1) nearest to the weights by least squares, one after the other.

    The scale is least squares too, over all weights of the output, so that noise in its largest one does not move it.
    """
    linear = torch.linspace(-1, 1, LEVELS, device=weights.device, dtype=weights.dtype)
    tiny = torch.finfo(weights.dtype).tiny
    levels = linear
    scales = (weights.abs() * mask).amax(1, keepdim=True)
    for _ in range(2):
        spread = scales.expand_as(weights)
        flat = numbers[mask]
        above = torch.zeros_like(linear).index_add_(0, flat, (weights * spread)[mask])
        below = torch.zeros_like(linear).index_add_(0, flat, spread.square()[mask])
        levels = torch.where(below > 0, above / below.clamp_min(tiny), linear).clamp(-1, 1)
        levels[0], levels[-1] = -1.0, 1.0
        wanted = levels[numbers] * mask
        scales = (weights * wanted).sum(1, keepdim=True) / wanted.square().sum(1, keepdim=True).clamp_min(tiny)
        scales = scales.clamp_min(0)
    return levels, scales


def _nearest(values: Tensor, levels: Tensor) -> Tensor:
    """Numbers of the nearest levels, which ascend."""
    return torch.bucketize(values, (levels[1:] + levels[:-1]) / 2)
